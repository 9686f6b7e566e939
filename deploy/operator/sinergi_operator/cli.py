"""The command `sinergi`: run the system without Docker, play the demo, and look after it."""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from sinergi import dead_letters
from sinergi.problems import Refused
from sinergi_operator.agency_cli import agency
from sinergi_operator.doctor import examine
from sinergi_operator.lists import import_list
from sinergi_operator.options import HERE, Remote, State, place_of
from sinergi_operator.place import Place, console
from sinergi_operator.processes import AlreadyRunningError, ProcessError
from sinergi_operator.servers import PostgresServer
from sinergi_operator.story import Story
from sinergi_operator.system import System

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
dead = typer.Typer(help="Events that were given up: list, show, replay, skip.", no_args_is_help=True)
app.add_typer(dead, name="dead-letters")

app.add_typer(agency, name="agency")


@app.command()
def up(
    state: State = HERE,
    without: Annotated[
        list[str] | None, typer.Option(help="an agency whose plug-in you run yourself, or simulate; again for more")
    ] = None,
    leaf_port: Annotated[
        int | None, typer.Option(help="where agencies' own NATS servers connect as leaf nodes")
    ] = None,
) -> None:
    """Run everything on this machine, without Docker, until Ctrl-C."""
    _until_interrupted(_up(System(state, Path.cwd(), without=without or [], leaf_port=leaf_port)))


@app.command()
def demo(
    state: State = HERE,
    remote: Remote = None,
    people: Annotated[int, typer.Option(min=2000, help="how many people the sample lists hold")] = 2000,
    seed: Annotated[int, typer.Option(help="the same seed gives the same people")] = 1,
    exit: Annotated[bool, typer.Option("--exit", help="end when the story has been told")] = False,
    javascript: Annotated[
        bool, typer.Option("--javascript", help="with the plug-ins in plain JavaScript (needs node; `make javascript`)")
    ] = False,
) -> None:
    """Play the first loop on generated lists, live. Ends with 0 when all of it happened, else with 1."""
    if remote:
        _until_interrupted(_tell(place_of(remote), state / "samples", people, seed))
    else:
        _until_interrupted(_demo(System(state, Path.cwd(), javascript=javascript), people, seed, exit))


@app.command()
def clean(state: State = HERE) -> None:
    """Forget everything: databases, streams, keys, users, mails."""
    if state.exists():
        PostgresServer(state).erase()
        shutil.rmtree(state)
    console.print(f"{state} is gone.")


@app.command()
def doctor(state: State = HERE, remote: Remote = None) -> None:
    """Look at every service, stream and consumer, and say what is wrong and what to do."""
    healthy = asyncio.run(examine(place_of(remote or state / "place.json")))
    raise typer.Exit(0 if healthy else 1)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or Parquet")],
    source: Annotated[str, typer.Option(help="who made the list: ministry, city, or one that you added")] = "city",
    corrects: Annotated[str | None, typer.Option(help="id of the import whose bad rows this file corrects")] = None,
    username: Annotated[str, typer.Option("--as", help="the user who hands it in")] = "operator",
    state: State = HERE,
    remote: Remote = None,
) -> None:
    """Hand a list to the registry and watch it; bad rows come back as a workbook. Ends with 1 when it is refused."""

    async def handed_in() -> bool:
        api = place_of(remote or state / "place.json").sign_in(username)
        try:
            return await import_list(api, file, source, corrects)
        except Refused as no:
            console.print(f"[red]{no.detail}[/]")
            return False
        finally:
            await api.close()

    raise typer.Exit(0 if asyncio.run(handed_in()) else 1)


@dead.command("list")
def list_dead(state: State = HERE, remote: Remote = None) -> None:
    """Every dead letter, oldest first."""

    async def show(nats: Any) -> None:
        table = Table("no.", "durable", "event", "tries", "first seen", "error")
        async for one in dead_letters.letters(nats):
            table.add_row(
                str(one.number),
                one.durable,
                one.type,
                str(one.tries),
                one.first_seen.isoformat("T", "seconds"),
                one.error,
            )
        console.print(table if table.row_count else "There are no dead letters.")

    _with_nats(remote or state / "place.json", show)


@dead.command("show")
def show_dead(number: int, state: State = HERE, remote: Remote = None) -> None:
    """One dead letter, whole (events hold no personal data)."""

    async def show(nats: Any) -> None:
        one = await dead_letters.letter(nats, number)
        console.print_json(json.dumps({"headers": dict(one.headers), "body": one.body.decode(errors="replace")}))

    _with_nats(remote or state / "place.json", show)


@dead.command()
def replay(number: int, state: State = HERE, remote: Remote = None) -> None:
    """Give it to its durable again; what waited behind it follows."""
    _again(number, remote or state / "place.json", skip=False)


@dead.command()
def skip(number: int, state: State = HERE, remote: Remote = None) -> None:
    """Give it up for good, so that later facts of the same aggregate go on."""
    _again(number, remote or state / "place.json", skip=True)


def _again(number: int, place: Path, *, skip: bool) -> None:
    async def act(nats: Any) -> None:
        one = await dead_letters.replay(nats, number, skip=skip)
        console.print(f"{one.type} was {'skipped' if skip else 'given again to'} {one.durable}.")

    _with_nats(place, act)


def _with_nats(place: Path, act: Callable[[Any], Awaitable[None]]) -> None:
    async def connected() -> None:
        nats = await place_of(place).connect()
        try:
            await act(nats)
        finally:
            await nats.close()

    try:
        asyncio.run(connected())
    except Refused as no:
        console.print(f"[red]{no.detail}[/]")
        raise typer.Exit(1) from None


# ------------------------------------------------------------------- running


async def _up(system: System) -> int:
    await system.start()
    _write_place(system)
    _welcome(system.place)
    await system.watch_over()
    return 0


async def _demo(system: System, people: int, seed: int, leave: bool) -> int:
    await system.start()
    _write_place(system)
    watching = asyncio.create_task(system.watch_over())
    failed = await _tell(system.place, system.state / "samples", people, seed)
    if not leave and not failed:
        _welcome(system.place)
        await watching
    watching.cancel()
    return failed


async def _tell(place: Place, folder: Path, people: int, seed: int) -> int:
    """0 when the story came true, else 1 with the reason."""
    started = time.monotonic()
    try:
        await Story(place, folder, people, seed).tell()
    except (AssertionError, Refused) as wrong:
        console.print(f"[bold red]The story did not come true:[/] {wrong}")
        return 1
    console.print(f"[bold green]The first loop is closed.[/] {time.monotonic() - started:.1f} s")
    return 0


def _until_interrupted(main: Coroutine[Any, Any, int]) -> None:
    """Run it; Ctrl-C and SIGTERM end it in order, and whatever was started ends with us (processes.py)."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        code = asyncio.run(main)
    except KeyboardInterrupt:
        code = 0
    except (AlreadyRunningError, ProcessError, TimeoutError) as wrong:
        console.print(f"[bold red]{wrong}[/]")
        code = 1
    sys.exit(code)


def _welcome(place: Place) -> None:
    table = Table("role", "user", "password", title=f"Sinergi is at [bold]{place.urls['console']}[/]")
    for login in place.logins.values():
        table.add_row(login.role, login.username, login.password)
    console.print(table)
    console.print("Ctrl-C stops everything; what happened is kept. `make clean-state` forgets it.")


def _write_place(system: System) -> None:
    """So that other commands find the running system; holds addresses and paths, no secrets."""
    place = system.place
    told = {
        "urls": place.urls,
        "nats_url": place.nats_url,
        "seed_file": str(place.seed_file),
        "logins": str(system.state / "users" / "logins.json"),
        "mail": str(place.mail),
    }
    part = system.state / "place.json.part"
    part.write_text(json.dumps(told, indent=2))
    os.replace(part, system.state / "place.json")
