"""Who holds a case: works on it, supervises it, or was let into it; and writes beside it what is of its own."""

from uuid import UUID

from services.cases.access import may_read, may_write
from services.cases.casefile import own_case, readable_case
from services.cases.models import Case
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused


async def written_case(case_id: UUID, actor: Actor, tx: Tx, *, supervising: bool = False) -> Case:
    """The case, locked for whoever works on it; `supervising`: for its supervisor, the named one or the first to act.

    What is written is an aggregate of its own, so no version of the case is expected.
    """
    if not supervising:
        return await own_case(case_id, None, actor, tx)
    case = await readable_case(case_id, actor, tx)
    actor.within(agencies=(case.agency,), area=case.area)
    if case.worker == actor.id:
        raise Refused("self-approval", "Another person must approve your own work.", "forbidden")
    if actor.role is not Role.SUPERVISOR or case.supervisor not in ("", actor.id):
        raise Refused("not-the-supervisor", "Another supervisor answers for this case.", "forbidden")
    case = await tx.lock(Case, case_id)
    case.supervisor = actor.id
    return case


async def is_held(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether the actor holds the case: not any supervisor of the office, only its own."""
    return case.supervisor == actor.id or await may_write(case, actor, tx) or await may_read(case, actor, tx)


async def refuse_strangers(case: Case, actor: Actor, tx: Tx) -> None:
    """`Refused` unless the actor holds the case."""
    if not await is_held(case, actor, tx):
        raise Refused("not-your-case", "Only who holds this case reads what is confidential in it.", "forbidden")
