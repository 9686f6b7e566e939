"""P4, inbox: effects a second in one process, from 20,000 waiting events, against single-row asyncpg commits."""

import asyncio
import time
from typing import Any

import asyncpg
from prometheus_client import REGISTRY
from sqlalchemy import Identity
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench import sample
from bench.bare import PENDING
from bench.outcome import Outcome, compare, show
from bench.stage import Stage, serving
from bench.worker import Talk, Worker
from sinergi.bus import Bus
from sinergi.db import Tx
from sinergi.events import ReferralFact, ReferralProgressed, ReferralRequested

COUNT = 20_000
VERSIONS = 4  # so 5,000 referrals
BARE_COMMITS = 5_000
ROUNDS = 3
GOAL = 1.00

TABLE = """CREATE TABLE effects (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, referral uuid NOT NULL, version bigint NOT NULL,
  fact text NOT NULL, at timestamptz NOT NULL DEFAULT now())"""
INSERT = "INSERT INTO effects (referral, version, fact) VALUES ({})"
DURABLE = "cases-referrals"


class Base(DeclarativeBase):
    """The bench's tables."""


class Effect(Base):
    """What a handler leaves, added as a service's handlers do it."""

    __tablename__ = "effects"
    seq: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    referral: Mapped[str] = mapped_column(UUID(as_uuid=False))
    version: Mapped[int]
    fact: Mapped[str]


async def service(talk: Talk, settings: dict[str, Any]) -> None:
    """A service that handles every waiting event; tells how many seconds it took, first handler → last commit."""
    bus = Bus("cases")
    called: list[float] = []

    async def when_referral_moved_write_it_down(event: ReferralFact, tx: Tx) -> None:
        called.append(time.monotonic())
        envelope = event.envelope
        tx.add(Effect(referral=event.referral_id, version=envelope.sequence, fact=envelope.type))

    bus.on(ReferralRequested)(when_referral_moved_write_it_down)
    bus.on(ReferralProgressed)(when_referral_moved_write_it_down)
    async with serving(bus, settings):
        while len(called) < COUNT or _handled() < COUNT:
            await asyncio.sleep(0.01)
        talk.tell(time.monotonic() - called[0])


def _handled() -> float:
    return REGISTRY.get_sample_value("sinergi_events_handled_total", {"durable": DURABLE}) or 0.0


async def commit_singly(talk: Talk, url: str) -> None:
    """The same rows, each committed by itself on one connection; tells how many seconds it took."""
    connection = await asyncpg.connect(url)
    insert = await connection.prepare(INSERT.format("$1, $2, $3"))
    rows = list(sample.rows(BARE_COMMITS, "core"))
    began = time.monotonic()
    for one in rows:
        await insert.fetch(one["aggregate_id"], one["version"], "sinergi.referral.progressed.v1")
    talk.tell(time.monotonic() - began)
    await connection.close()


async def _wait_in_stream(client: Any) -> None:
    """Put the events into the stream, as the relay would."""
    stream = client.jetstream(publish_async_max_pending=PENDING)
    acks = [
        await stream.publish_async(one["subject"], one["body"], headers=sample.headers(one))
        for one in sample.rows(COUNT, "core", VERSIONS)
    ]
    await asyncio.gather(*acks)


def run(stage: Stage) -> Outcome:
    """Bare, ours, bare, ours …: effects a second."""
    stage.prepare("cases", TABLE)
    stage.provision()
    show(f"P4: {COUNT:,} waiting events of {COUNT // VERSIONS:,} referrals, {ROUNDS} rounds")
    bare: list[float] = []
    ours: list[float] = []
    for number in range(ROUNDS):
        stage.with_nats(_wait_in_stream)
        bare.append(BARE_COMMITS / _seconds(Worker(commit_singly, stage.settings("cases")["database_url"])))
        ours.append(COUNT / _seconds(Worker(service, stage.settings("cases"))))
        show(f"  round {number + 1}: bare {bare[-1]:,.0f} commits/s, ours {ours[-1]:,.0f} effects/s")
    ratio = compare(bare, ours, "effects/s")
    return Outcome("P4", ratio, GOAL, figures={"effects_per_second": {"bare": bare, "ours": ours}})


def _seconds(worker: Worker) -> float:
    with worker:
        return float(worker.hear())
