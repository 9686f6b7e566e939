"""What can be read: one referral with its timeline, and lists."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from services.referrals.ledger import permitted_question
from services.referrals.models import ClockNotice, Referral, TimelineEntry
from services.referrals.pathway_models import PathwayReferral
from services.referrals.requests import ListReferrals, Page, ReadDetails
from services.referrals.states import SIDES, State, rule_for
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx

#: what a list shows of a referral; the rest is in the referral itself
LISTED = (
    "id",
    "version",
    "state",
    "service",
    "sender",
    "receiver",
    "desk",
    "area",
    "client_kind",
    "client_id",
    "case_id",
    "step_id",
    "priority",
    "requested_at",
    "acknowledge_due",
    "decide_due",
    "finish_due",
    "expected_on",
    "review_on",
    "confirm_due",
    "reminded_at",
    "overdue_since",
    "escalation",
    "closed_at",
)
Found = dict[str, Any]


@permit("referral.read")
async def read_referral(referral_id: UUID, actor: Actor, tx: Tx) -> Found:
    """The referral, its timeline, what its clock told, and the commands that this actor may give now; audited."""
    referral = await tx.get(Referral, referral_id)
    actor.within(agencies=(referral.sender, referral.receiver), area=referral.area)
    await tx.audit("referral.read", "referral", [referral_id], "follow the referral")
    entries = select(TimelineEntry).where(TimelineEntry.referral_id == referral_id)
    timeline = (await tx.session.scalars(entries.order_by(TimelineEntry.version))).all()
    notices = select(ClockNotice).where(ClockNotice.referral_id == referral_id).order_by(ClockNotice.id)
    return _columns(referral) | {
        "timeline": [_entry(entry) for entry in timeline],
        "notices": [_notice(one) for one in await tx.session.scalars(notices)],
        "actions": _actions(referral, actor),
        "pathway_id": await _pathway_of(referral, actor, tx),
    }


@permit("referral.read")
async def list_referrals(what: ListReferrals, actor: Actor, tx: Tx) -> Found:
    """A page of the actor's agency's referrals in its area, newest first."""
    sent, received = Referral.sender == actor.agency, Referral.receiver == actor.agency
    side = {"sent": sent, "received": received, None: or_(sent, received)}[what.side]
    query = select(Referral).where(side, in_area(Referral.area, actor.area))
    if what.state:
        query = query.where(Referral.state == what.state)
    if what.late:
        query = query.where(Referral.overdue_since.is_not(None))
    rows, total = await _page(query, Referral.id.desc(), what, tx)
    return {"items": [{name: getattr(row, name) for name in LISTED} for row in rows], "total": total}


@permit("referral.details")
async def read_details_question(what: ReadDetails, actor: Actor, tx: Tx) -> Found:
    """What the registry is to be asked; the answer is handed out after `record_disclosure` alone."""
    return await permitted_question(what, actor, tx)


async def _page(query: Select[Any], order: ColumnElement[Any], what: Page, tx: Tx) -> tuple[list[Any], int]:
    page = query.order_by(order).offset((what.page - 1) * what.size).limit(what.size)
    rows = list((await tx.session.scalars(page)).all())
    count = select(func.count()).select_from(query.subquery())
    return rows, (await tx.session.execute(count)).scalar_one()


def in_area(column: InstrumentedAttribute[str], scope: str) -> ColumnElement[bool]:
    """`sinergi.auth.covers` in SQL; an empty scope covers nothing."""
    if scope == "*":
        return true()
    return or_(column == scope, column.startswith(f"{scope}.", autoescape=True)) if scope else ~true()


async def _pathway_of(referral: Referral, actor: Actor, tx: Tx) -> UUID | None:
    """The pathway that it is a step of: its sender's business."""
    sent = await tx.session.get(PathwayReferral, referral.id) if actor.agency == referral.sender else None
    return sent.pathway_id if sent else None


def _actions(referral: Referral, actor: Actor) -> list[str]:
    """The commands that the table, the side and the role allow now."""
    mine = {"sender": referral.sender == actor.agency, "receiver": referral.receiver == actor.agency}
    if not covers(actor.area, referral.area):
        return []
    return [
        command
        for command, side in SIDES.items()
        if mine[side]
        and actor.may(f"referral.{command}")
        and rule_for(command, State(referral.state))
        and not (command == "close" and referral.closed_at)
    ]


def _columns(row: Referral) -> Found:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def _notice(notice: ClockNotice) -> Found:
    return {name: getattr(notice, name) for name in ("at", "fact", "clock", "level", "due")}


def _entry(entry: TimelineEntry) -> Found:
    return {
        "at": entry.at,
        "version": entry.version,
        "fact": entry.fact,
        "state": entry.state,
        "by": entry.by,
        "by_agency": entry.by_agency,
        "note": entry.note,
        **entry.data,
    }
