"""What the registry tells about the clients of open cases: death, move, merge, split. The worker decides what follows.

One statement a fact, by the index of open cases (`cases_one_open`: kind and client), whether it names one client or a
thousand. A fact about somebody without an open case costs that one look and nothing else; closed cases stay as they
were. Nothing is closed and no step is stopped by itself: each ripple is a task (DOMAIN.md, "Registry facts ripple").
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.cases.casefile import record, told
from services.cases.models import Case, Task
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import (
    CaseClientBound,
    Event,
    GroupDissolved,
    HouseholdMerged,
    HouseholdSplit,
    ImportPersonsChanged,
    PersonChanged,
    PersonDied,
    PersonMerged,
    PersonMoved,
    PersonUnmerged,
)

#: what a list may change about a client that its worker should know; the rest is seen when the person is next opened
WATCHED = frozenset({"area", "address", "died_on", "household_id", "kk"})
#: characters of a wilayah code that name the regency: PP.KK
REGENCY = 5


@permit("case.follow_registry")
async def follow_merge(fact: PersonMerged, actor: Actor, tx: Tx) -> None:
    """Whoever held one of the merged holds the survivor. Two open cases of one person now: a task for each worker."""
    cases = await _open_cases("person", [*fact.merged, fact.person_id], tx, lock=True)
    if len(cases) == 1 and str(cases[0].client_id) != fact.person_id:
        await _become(cases[0], UUID(fact.person_id), actor, tx, "client_merged")
    for case in cases if len(cases) > 1 else ():
        others = ", ".join(f"{one.agency} {_number(one)}" for one in cases if one is not case)
        await _tell([case], "second-open-case", "merged", actor, tx, others)


@permit("case.follow_registry")
async def follow_unmerge(fact: PersonUnmerged, actor: Actor, tx: Tx) -> None:
    """The case is its first client's again, and the worker looks whether what was written fits."""
    for case in await _open_cases("person", [fact.person_id, *fact.restored], tx, lock=True):
        if case.client_was and str(case.client_was) in fact.restored:
            if not await _open_cases("person", [str(case.client_was)], tx):
                await _become(case, case.client_was, actor, tx, "client_unmerged")
            await _tell([case], "client-unmerged", "unmerged", actor, tx)
        elif str(case.client_id) in fact.restored:
            await _done("second-open-case", case, actor, tx)


@permit("case.follow_registry")
async def follow_death(fact: PersonDied, actor: Actor, tx: Tx) -> None:
    """The worker stops what still runs and closes the case."""
    await _tell(await _open_since("person", [fact.person_id], fact, tx), "person-died", "died", actor, tx)


@permit("case.follow_registry")
async def follow_change(fact: PersonChanged, actor: Actor, tx: Tx) -> None:
    """A death was undone."""
    if "died_on" in fact.fields:
        cases = await _open_since("person", [fact.person_id], fact, tx)
        for case in cases:
            await _done("person-died", case, actor, tx)
        await _tell(cases, "death-undone", "undone", actor, tx)


@permit("case.follow_registry")
async def follow_move(fact: PersonMoved, actor: Actor, tx: Tx) -> None:
    """Into another regency: think of a transfer; within it: look where the client lives now."""
    same = fact.from_area[:REGENCY] == fact.to_area[:REGENCY]
    for case in await _open_since("person", [fact.person_id], fact, tx):
        left = not same and case.area[:REGENCY] != fact.to_area[:REGENCY]
        await _tell([case], "client-left-regency" if left else "client-moved", "moved", actor, tx)


@permit("case.follow_registry")
async def follow_household(fact: HouseholdSplit | HouseholdMerged, actor: Actor, tx: Tx) -> None:
    """The household that is the client is not the same any more."""
    if isinstance(fact, HouseholdSplit):
        kind, households = "household-split", [fact.household_id]
    else:
        kind, households = "household-merged", [fact.household_id, fact.merged_household_id]
    await _tell(await _open_since("household", households, fact, tx), kind, "changed", actor, tx)


@permit("case.follow_registry")
async def follow_group_end(fact: GroupDissolved, actor: Actor, tx: Tx) -> None:
    """The group that is the client has ended."""
    await _tell(await _open_since("group", [fact.group_id], fact, tx), "group-dissolved", "dissolved", actor, tx)


@permit("case.follow_registry")
async def follow_list(fact: ImportPersonsChanged, actor: Actor, tx: Tx) -> None:
    """A list changed where or how clients live; at most a thousand people in one fact, one look for all of them."""
    if WATCHED.intersection(fact.fields):
        await _tell(await _open_since("person", fact.persons, fact, tx), "client-data-changed", "list", actor, tx)


async def _open_cases(kind: str, clients: Sequence[str], tx: Tx, *, lock: bool = False) -> Sequence[Case]:
    """The open cases of these clients, always locked in one order."""
    of_them = select(Case).where(
        Case.client_kind == kind, Case.client_id.in_([UUID(one) for one in clients]), Case.closed_at.is_(None)
    )
    await tx.session.flush()
    fresh = of_them.order_by(Case.id).execution_options(populate_existing=True)
    return (await tx.session.scalars(fresh.with_for_update() if lock else fresh)).all()


async def _become(case: Case, client_id: UUID, actor: Actor, tx: Tx, what: str) -> None:
    """The case is this person's; `client_was` keeps as whose it was opened."""
    before, case.client_id = case.client_id, client_id
    case.client_was = None if case.client_was == client_id else case.client_was or before
    now_of = {"client_kind": case.client_kind, "client_id": str(client_id), "previous_client_id": str(before)}
    tx.emit(CaseClientBound(**told(case), **now_of), of=case)
    record(case, what, actor, tx)


async def _open_since(kind: str, clients: Sequence[str], fact: Event, tx: Tx) -> list[Case]:
    """The open cases that were opened before the fact: whoever opened one later saw it in the registry."""
    return [one for one in await _open_cases(kind, clients, tx) if one.opened_at <= fact.envelope.time]


async def _tell(cases: Sequence[Case], kind: str, reason: str, actor: Actor, tx: Tx, note: str = "") -> None:
    """A task for each case's worker, unless one of this kind waits there already."""
    if not cases:
        return
    await tx.session.flush()
    waiting = select(Task.case_id).where(
        Task.case_id.in_([one.id for one in cases]), Task.kind == kind, Task.done_at.is_(None)
    )
    have = set(await tx.session.scalars(waiting))
    for case in (one for one in cases if one.id not in have):
        task = await add_task(tx, case=case, kind=kind, reason=reason)
        task.note = note
        record(case, kind.replace("-", "_"), actor, tx, note)


async def _done(kind: str, case: Case, actor: Actor, tx: Tx) -> None:
    for task in await open_tasks(tx, Task.case_id == case.id, Task.kind == kind):
        await finish(task, actor, tx)


def _number(case: Case) -> str:
    return case.id.hex[-8:].upper()
