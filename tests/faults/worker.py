"""A process of the probe, made to be killed. What it runs is one of `MODES`:

    tell              owns the stream: its relay is at work; prints `active` when it holds the lock
    tell-and-die      the same, but it kills itself with SIGKILL after it has published and before it marks
    hear NAME         a consumer; its effect is a row
    load NAME THING…  notes on each thing, one at a time, for ever; prints `done KEY` for each that was answered
                      with success, gives one that failed again under its key
    core              answers agencies' commands on things
    agency CODE FILE  a plug-in that gives two commands for each event, and once, if FILE is not there yet, kills
                      itself between them

Each prints `ready` when it is at work.
"""

import asyncio
import os
import signal
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from sqlalchemy import text

from sinergi import Agency, ReferralRequested, provision
from sinergi.app import obey
from sinergi.auth import Actor, permit, service_actor
from sinergi.bus import Bus
from sinergi.bus import Running as RunningBus
from sinergi.connection import connect
from sinergi.db import Database, Tx
from sinergi.logs import configure_logs
from sinergi.relay import Relay
from sinergi.settings import Settings
from sinergi_operator.processes import LIBC, PR_SET_PDEATHSIG
from tests.shared.probe import Noted, Thing, effect

#: what a killed process held comes again after this, so that a test need not wait 30 s for it
provision.ACK_WAIT_SECONDS = 2


def say(*words: object) -> None:
    """A line that the test reads."""
    print(*words, flush=True)


def die() -> None:
    """kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


class CommandKey(BaseModel):
    """A note on a thing; its text is the command's idempotency key, so that both can be compared."""

    thing: UUID
    key: str


@permit("notice.post")
async def note_on(request: CommandKey, actor: Actor, tx: Tx) -> dict[str, int]:
    """A command: one row changed, one fact."""
    row = await tx.lock(Thing, request.thing)
    tx.emit(Noted(text=request.key), of=row)
    return {"version": row.version}


class DyingRelay(Relay):
    """Dies in the window between publishing and marking."""

    async def _publish(self, rows: list[Any]) -> list[tuple[int, bool]]:
        await super()._publish(rows)
        die()
        raise AssertionError("it outlived SIGKILL")


async def tell(settings: Settings, kind: type[Relay] = Relay) -> None:
    """Relay for ever."""
    relays: list[Relay] = []

    async def lost() -> None:
        for relay in relays:
            relay.suspect()

    broker = connect(settings.nats_servers(), settings.nats_seed_file, "probe", lost)
    client: Any = await broker.connect()
    await provision.declare_stream(client, "PROBE", settings)
    relays.append(kind(settings, client, "PROBE", asyncio.Event(), "probe"))
    running = asyncio.create_task(relays[0].run())
    say("ready")
    while not relays[0].active:
        await asyncio.sleep(0.01)
    say("active")
    await running


async def tell_and_die(settings: Settings) -> None:
    """Relay until the first rows are published."""
    await tell(settings, DyingRelay)


async def _serve(bus: Bus, settings: Settings, db: Database) -> None:
    running = RunningBus(bus, settings, db)
    await running.start()
    while await running.ready():
        await asyncio.sleep(0.02)
    say("ready")
    while True:
        missing = await running.ready()
        if missing:
            say("missing", *missing)
        await asyncio.sleep(0.5)


async def hear(settings: Settings, name: str) -> None:
    """Consume for ever."""
    bus = Bus(name)

    @bus.on(Noted)
    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, name, event)

    await _serve(bus, settings, Database(settings, name))


async def load(settings: Settings, name: str, *things: str) -> None:
    """Give commands for ever."""
    db = Database(settings, name, pool_size=len(things))
    say("ready")
    await asyncio.gather(*(_note_for_ever(db, UUID(thing)) for thing in things))


async def _note_for_ever(db: Database, thing: UUID) -> None:
    while True:
        key = str(uuid4())
        while not await _noted(db, thing, key):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.01)


async def _noted(db: Database, thing: UUID, key: str) -> bool:
    context: Any = SimpleNamespace(db=db)
    try:
        await obey(context, note_on, CommandKey(thing=thing, key=key), service_actor("load"), key)
    except Exception as wrong:  # whatever it is: the command was not answered with success
        say("failed", key, type(wrong).__name__)
        return False
    say("done", key)
    return True


class Answer(CommandKey):
    """A command of an agency on a thing."""

    expected_version: int
    name: str


@permit("referral.accept")
async def answer(request: Answer, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Note the command on the thing."""
    row = await tx.lock(Thing, request.thing, request.expected_version)
    tx.emit(Noted(text=request.name), of=row)
    await tx.session.execute(
        text("INSERT INTO effects (by, thing, version, note) VALUES (:by, :thing, :version, :note)"),
        {"by": actor.id, "thing": str(row.id), "version": row.version, "note": request.name},
    )
    return {"id": str(row.id), "version": row.version}


async def core(settings: Settings) -> None:
    """Answer agencies for ever."""
    db = Database(settings, "probe")
    bus = Bus("probe")
    context: Any = SimpleNamespace(db=db)
    for name in ("accept", "progress"):
        _obeying(bus, context, name)
    await _serve(bus, settings, db)


def _obeying(bus: Bus, context: Any, name: str) -> None:
    @bus.command(f"referral.{name}")
    async def answer_agency(request: dict[str, Any], actor: Actor) -> dict[str, Any]:
        key = request["idempotency_key"]
        given = Answer(thing=request["referral_id"], key=key, expected_version=request["expected_version"], name=name)
        done: dict[str, Any] = await obey(context, answer, given, actor, key)
        return done


async def agency(settings: Settings, code: str, died: str) -> None:
    """Answer every referral with two commands."""
    plug_in = Agency(code, settings.nats_url, settings.nats_seed_file)

    @plug_in.on(ReferralRequested)
    async def take_on(referral: ReferralRequested) -> None:
        await plug_in.accept(referral, expected_on=date(2030, 1, 1))
        _die_once(Path(died))
        await plug_in.progress(referral, note="begun")

    await plug_in.start()
    say("ready")
    await asyncio.Event().wait()


def _die_once(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        die()


MODES: dict[str, Any] = {
    "tell": tell,
    "tell-and-die": tell_and_die,
    "hear": hear,
    "load": load,
    "core": core,
    "agency": agency,
}


def run(log: Path, settings: Settings, mode: str, *arguments: str) -> None:
    """The whole life of the process; what it says and logs goes to `log`."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)  # not to outlive the tests
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    configure_logs(mode, settings)
    asyncio.run(MODES[mode](settings, *arguments))
