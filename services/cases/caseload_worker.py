"""The job beside the service: it moves what is handed over, piece by piece, and folds the counts.

Any number of replicas may work: whoever locks a hand-over moves its next piece, the others pass it over.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import structlog
from sqlalchemy import select, text, update

from services.cases.assigning import Reason, hand
from services.cases.caseload import FOLD, loads_of, profiles_of
from services.cases.caseload_models import HandOver
from services.cases.handover import to_move
from services.cases.models import Case
from services.cases.weights import WEIGHTS, weigh
from sinergi.app import Context
from sinergi.auth import Actor, covers
from sinergi.db import Database, Tx, is_outage
from sinergi.events import CaseLoadHandedOver
from sinergi.permissions import Role
from sinergi.tasks import beside

log = structlog.get_logger()

#: cases in one transaction
PIECE = 200
POLL_SECONDS, FOLD_EVERY = 0.5, 20


@asynccontextmanager
async def caseload_worker(context: Context) -> AsyncIterator[None]:
    """The service's extra."""
    async with beside(_work(context.db)):
        yield


async def _work(db: Database) -> None:
    looked = 0
    while True:
        moved = False
        try:
            moved = await move_next(db)
            if looked % FOLD_EVERY == 0:
                await fold(db)
        except Exception as wrong:  # whatever it was: what is to move is still there; its text may quote a row
            log.warning("caseload.interrupted", error=type(wrong).__name__)
        looked += 1
        if not moved:
            await asyncio.sleep(POLL_SECONDS)


async def fold(db: Database) -> None:
    """Make one row of the many by which a count has changed. Two at once do no harm: the sum stays."""
    async with db.begin() as tx:
        await tx.session.execute(text(FOLD))


async def move_next(db: Database) -> bool:
    """Move the next piece of the hand-over that failed least; False when none waits for us."""
    waiting = select(HandOver).where(HandOver.state == "running").order_by(HandOver.tries, HandOver.id).limit(1)
    found: HandOver | None = None
    try:
        async with db.begin() as tx:
            found = (await tx.session.scalars(waiting.with_for_update(skip_locked=True))).one_or_none()
            if found:
                await _move(found, tx)
    except Exception as wrong:
        if found is None or is_outage(wrong):
            raise
        await _failed(found.id, wrong, db)
        return False
    return found is not None


async def _failed(hand_over_id: UUID, wrong: Exception, db: Database) -> None:
    """The others come first from now on."""
    log.error("hand_over.failed", hand_over_id=str(hand_over_id), error=type(wrong).__name__, exc_info=wrong)
    async with db.begin() as tx:
        later = update(HandOver).where(HandOver.id == hand_over_id).values(tries=HandOver.tries + 1)
        await tx.session.execute(later)


async def _move(found: HandOver, tx: Tx) -> None:
    """The next piece, in the name of who asked for it; without one it is done."""
    by = Actor(found.asked_by, Role.SUPERVISOR, found.agency, found.scope)
    piece = select(Case).where(*to_move(found)).order_by(Case.id).limit(PIECE).with_for_update()
    cases = (await tx.session.scalars(piece)).all()
    if cases:
        moves = await spread(cases, found, tx)
        await hand(moves, cast(Reason, found.reason), found.read_until, by, tx, found.id)
        found.moved += len(moves)
    else:
        found.state, found.finished_at = "done", datetime.now(UTC)
        told = {"agency": found.agency, "previous_worker": found.worker, "reason": found.reason}
        done = CaseLoadHandedOver(**told, hand_over_id=str(found.id), workers=found.to_workers, cases=found.moved)
        tx.emit(done, of=found)


async def spread(cases: Sequence[Case], found: HandOver, tx: Tx) -> dict[Case, str]:
    """Who gets which: the heaviest case first, to whoever has most room among those whose area it lies in."""
    loads = await loads_of(found.agency, "*", tx, found.to_workers)
    profiles = await profiles_of(found.agency, tx, found.to_workers)
    free, areas = {}, {}
    for worker in found.to_workers:
        kept, load = profiles.get(worker), loads.get(worker)
        free[worker] = (kept.capacity if kept else WEIGHTS.capacity) - (load.points if load else 0)
        areas[worker] = kept.area if kept else "*"
    moves = {}
    for case in sorted(cases, key=weigh, reverse=True):
        near = [worker for worker in found.to_workers if covers(areas[worker], case.area)]
        moves[case] = max(near or found.to_workers, key=free.__getitem__)
        free[moves[case]] -= weigh(case)
    return moves
