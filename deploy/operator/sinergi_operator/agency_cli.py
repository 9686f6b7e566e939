"""`sinergi agency …`: agencies come in, are looked at, get another key, go out; and what tries a plug-in."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from nats.aio.client import Client

from sinergi import Agency
from sinergi.problems import Refused
from sinergi_operator.accounts import Accounts, Embedded, Foreign
from sinergi_operator.agency_list import show_agency, table_of
from sinergi_operator.border import Border
from sinergi_operator.conformance import Check, Verdict
from sinergi_operator.cutting import cut
from sinergi_operator.nats_config import SYSTEM_USER
from sinergi_operator.onboarding import Entry, onboard, test_service
from sinergi_operator.options import HERE, Remote, State, place_of
from sinergi_operator.place import Api, Place, console
from sinergi_operator.processes import AlreadyRunningError, ProcessError
from sinergi_operator.revoking import revoke as revoke_agency
from sinergi_operator.setup import BUILT_IN
from sinergi_operator.simulator import Manners, Simulator

agency = typer.Typer(help="Agencies come in, are looked at, go out; plug-ins are tried.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="the agency's code, for ever its own: 2 to 12 of a-z, 0-9 and -")]
#: the capital's zone: what a date means when no zone is told
WIB = timezone(timedelta(hours=7))
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]


@agency.command()
def add(
    code: Code,
    name: Annotated[str | None, typer.Option(help="needed for a new agency")] = None,
    kind: Annotated[str, typer.Option(help="social_office, opd, bank …")] = "opd",
    desk: Annotated[str, typer.Option(help="the desk that takes its referrals")] = "umum",
    service: Annotated[str | None, typer.Option(help="the code of a service that it offers")] = None,
    service_name: Annotated[str | None, typer.Option(help="as people call it")] = None,
    purpose: Annotated[str | None, typer.Option(help="what the service does with a client's data")] = None,
    field: Annotated[list[str] | None, typer.Option(help="what it must see of a client; again for more")] = None,
    area: Annotated[list[str] | None, typer.Option(help="where it is offered: a wilayah code, or *")] = None,
    need: Annotated[
        list[str] | None, typer.Option(help="for which need (GET /directory/needs); again for more")
    ] = None,
    state: State = HERE,
    remote: Remote = None,
) -> None:
    """Key, account, directory, consumer, a test referral: all that an agency needs. Again: what is missing."""
    entry = Entry(code, name, kind, desk, service, service_name, purpose, field or [], area or [], need or [])

    async def act(place: Place, accounts: Accounts) -> None:
        operator, supervisor = place.sign_in("operator"), place.sign_in("supervisor")
        try:
            await onboard(entry, accounts, operator, supervisor, place.nats_url, _say)
        finally:
            await operator.close()
            await supervisor.close()
        console.print(
            f"Hand over to {code}: the address {place.nats_url}, the file {accounts.seed_file(code)} (its signature: by"
            " a safe way, never by mail), and docs/agency.md.",
            soft_wrap=True,
        )

    _run(state, remote, act)


@agency.command("list")
def list_(state: State = HERE, remote: Remote = None) -> None:
    """Every agency: whether it is connected and hears, and what waits for it."""

    async def act(place: Place, accounts: Accounts) -> None:
        console.print(await _asked(place, lambda api, nats: table_of(api, nats, accounts)))

    _run(state, remote, act)


@agency.command()
def show(code: Code, state: State = HERE, remote: Remote = None) -> None:
    """One agency: its desks and services, its key, its place in the stream."""

    async def act(place: Place, accounts: Accounts) -> None:
        console.print(await _asked(place, lambda api, nats: show_agency(code, api, nats, accounts)))

    _run(state, remote, act)


@agency.command()
def revoke(code: Code, state: State = HERE, remote: Remote = None) -> None:
    """Lock an agency's system out, at once. Its open referrals stay; its services take no new ones."""

    async def act(place: Place, accounts: Accounts) -> None:
        done = await _asked(place, lambda api, nats: revoke_agency(code, accounts, api, nats))
        closed = ", ".join(done.closed) or "nothing"
        console.print(f"{code} is locked out, after {done.seconds:.1f} s. Closed: {closed}.")
        if done.left:
            console.print(f"[yellow]{done.left}[/]", soft_wrap=True)

    _run(state, remote, act)


@agency.command("rotate-key")
def rotate_key(code: Code, state: State = HERE, remote: Remote = None) -> None:
    """Give an agency a new key; what is connected with the old one is cut off at once."""

    async def act(place: Place, accounts: Accounts) -> None:
        accounts.renew(code)
        console.print(f"{code} has a new key: {accounts.seed_file(code)}. The old one opens nothing.", soft_wrap=True)

    _run(state, remote, act)


@agency.command()
def replay(
    code: Code,
    since: Annotated[datetime, typer.Argument(formats=MOMENTS, help="a date in WIB, or a moment")],
    state: State = HERE,
    remote: Remote = None,
) -> None:
    """Let an agency hear again all that it was told since then; it knows what it has done by the events' ids."""
    moment = since if since.tzinfo else since.replace(tzinfo=WIB)

    async def act(place: Place, accounts: Accounts) -> None:
        path, body = f"/directory/agencies/{code}/replay", {"since": moment.isoformat()}
        told: dict[str, Any] = await _asked(place, lambda api, nats: api.post("referrals", path, body))
        console.print(f"{code} hears {told['facts']} facts again.")

    _run(state, remote, act)


@agency.command()
def simulate(
    code: Code,
    slow: Annotated[float, typer.Option(min=0, help="seconds before each command")] = 0.0,
    decline: Annotated[float, typer.Option(min=0, max=1, help="share of referrals that it declines")] = 0.0,
    silent: Annotated[float, typer.Option(min=0, max=1, help="share that it never answers")] = 0.0,
    fail: Annotated[float, typer.Option(min=0, max=1, help="share that it takes on and cannot do")] = 0.0,
    seed: Annotated[int, typer.Option(help="the same seed treats the same referral the same way")] = 1,
    exit_after: Annotated[int | None, typer.Option(min=1, help="end when so many referrals were met")] = None,
    state: State = HERE,
    remote: Remote = None,
) -> None:
    """Play an agency whose system is not there: answer its referrals with real commands, until Ctrl-C."""

    async def act(place: Place, accounts: Accounts) -> None:
        manners, seed_file = Manners(slow, decline, silent, fail, seed), accounts.seed_file(code)
        border = await Border.connect(place.nats_url, seed_file)
        try:
            await Simulator(Agency(code, place.nats_url, seed_file), manners, _say).run(border, exit_after)
        finally:
            await border.close()

    with suppress(KeyboardInterrupt):
        _run(state, remote, act)


@agency.command()
def check(
    code: Code,
    service: Annotated[str | None, typer.Option(help="one that the plug-in works for; else uji-coba-CODE")] = None,
    group: Annotated[bool, typer.Option("--group", help="the clients are groups, not persons")] = False,
    patience: Annotated[float, typer.Option(min=1, help="seconds that each step may take")] = 30.0,
    state: State = HERE,
    remote: Remote = None,
) -> None:
    """Play test referrals at an agency's plug-in, and say rule by rule whether it is right. Ends with 1 if not."""

    async def act(place: Place, accounts: Accounts) -> None:
        operator, supervisor, nats = place.sign_in("operator"), place.sign_in("supervisor"), await place.connect()
        kind: Literal["person", "group"] = "group" if group else "person"
        system = accounts.seed_file(SYSTEM_USER)
        cutting = partial(cut, place.nats_url, system, code) if system.exists() else None
        run = Check(code, service or test_service(code), kind, nats, operator, supervisor, cutting, patience)
        try:
            kept = await run.run(_verdict)
        finally:
            await operator.close()
            await supervisor.close()
            await nats.close()
        if not kept:
            raise typer.Exit(1)

    _run(state, remote, act)


# ------------------------------------------------------------------ inside


def _verdict(verdict: Verdict) -> None:
    mark = {True: "[green]pass[/]", False: "[red]fail[/]", None: "[yellow]?[/]   "}[verdict.kept]
    console.print(f"  {mark} {verdict.rule}: {verdict.words}", soft_wrap=True)


def _say(line: str) -> None:
    console.print(f"  {line}", soft_wrap=True)


async def _asked(place: Place, ask: Callable[[Api, Client], Awaitable[Any]]) -> Any:
    """As the operator, over HTTP and NATS."""
    api, nats = place.sign_in("operator"), await place.connect()
    try:
        return await ask(api, nats)
    finally:
        await api.close()
        await nats.close()


def _run(state: Path, remote: Path | None, act: Callable[[Place, Accounts], Coroutine[Any, Any, None]]) -> None:
    place = place_of(remote or state / "place.json")
    accounts: Accounts = Foreign(place.seed_file.parent) if remote else Embedded(state, BUILT_IN)
    try:
        asyncio.run(act(place, accounts))
    except Refused as no:
        console.print(f"[red]{no.detail}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
    except (AlreadyRunningError, ProcessError) as wrong:
        console.print(f"[red]{wrong}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
