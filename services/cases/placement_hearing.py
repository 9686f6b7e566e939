"""What the case's own facts mean for its placements: a new risk moves the person on the list, a closed case leaves it.

Done by an alarm, in a transaction of its own: the turn of the list comes before a case's lock, so no command of a case
can do it, and no group of events either.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from services.cases.models import Case
from services.cases.placement_models import NOT_OVER, Placement
from services.cases.placement_states import PLACEMENTS
from services.cases.placements import call_off
from services.cases.tasks import clock
from services.cases.waiting import in_turn, rank_of, take_turn
from sinergi.auth import service_actor
from sinergi.clock import set_alarm
from sinergi.db import Tx

FOLLOW = "placement.follow"


async def follow_case(case_id: UUID, tx: Tx) -> None:
    """Let the case's placements follow it, as soon as this transaction is over."""
    await set_alarm(tx, FOLLOW, case_id, datetime.now(UTC))


@clock.on(FOLLOW)
async def when_a_case_changed_its_placements_follow(case_id: UUID, tx: Tx) -> None:
    """They stand on the list by the case's risk now; of a closed case, those for which nobody moved are called off."""
    case = await tx.get(Case, case_id)
    of_case = select(Placement).where(Placement.case_id == case.id, NOT_OVER).order_by(Placement.id)
    found = (await tx.session.scalars(of_case)).all()
    for kind in sorted({one.kind for one in found if one.inside}):
        await take_turn(kind, tx)
    for one in found:
        placement = await in_turn(one.id, tx)
        # a transferred case takes them along
        placement.agency, placement.area = case.agency, case.area
        if case.closed_at and placement.state in PLACEMENTS["cancel"]:
            await call_off(placement, "case-closed", case, service_actor("cases"), tx)
        elif case.risk:
            placement.risk, placement.rank = case.risk, rank_of(placement.priority, case.risk)
