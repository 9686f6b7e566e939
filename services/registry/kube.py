"""The rules of a KUBE (kelompok usaha bersama, a group business) and of who may be in one; the numbers are data."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from services.registry.codes import enclosing
from services.registry.models import GroupMember, Person
from services.registry.people_models import GroupLimits
from sinergi.db import Tx
from sinergi.problems import Refused


async def limits_of(kind: str, area: str, on: date, tx: Tx) -> GroupLimits:
    """How such a group is made up in an area on a day: local rules differ (some say ten heads of family).

    The rule of the smallest area around it counts, and of that area's the latest that holds by then.
    """
    rules = select(GroupLimits).where(
        GroupLimits.kind == kind, GroupLimits.area.in_(enclosing(area)), GroupLimits.from_on <= on
    )
    nearest = rules.order_by(func.length(GroupLimits.area).desc(), GroupLimits.from_on.desc()).limit(1)
    limits = (await tx.session.scalars(nearest)).one_or_none()
    if limits is None:
        raise Refused("no-rule", "No rule says how such a group is made up here.")
    return limits


def check_roles(persons: Sequence[UUID], roles: Sequence[str], limits: GroupLimits) -> None:
    """Refuse a group of another size, with somebody twice, or without exactly one of each office."""
    if len(persons) < limits.least:
        raise _refused("kube-too-small", f"A KUBE has at least {limits.least} members.", limits)
    if len(persons) > limits.most:
        raise _refused("kube-too-large", f"A KUBE has at most {limits.most} members.", limits)
    if len(set(persons)) < len(persons):
        raise _refused("kube-member-twice", "Somebody is named twice.", limits)
    counted = Counter(roles)
    wrong = [role for role in limits.one_each if counted[role] != 1]
    if wrong:
        raise _refused("kube-roles", f"A KUBE has exactly one {', one '.join(wrong)}.", limits)


def check_people(people: Sequence[Person], area: str, limits: GroupLimits) -> None:
    """Refuse members who have died, are no heads of family, or live in another kecamatan than the group's area."""
    district = ".".join(area.split(".")[:3])
    if area.count(".") < 2:
        raise _refused("kube-area-too-wide", "A KUBE belongs to one kecamatan: give its code.", limits)
    gone = [str(one.id) for one in people if one.state != "active"]
    if gone:
        raise _refused("kube-member-gone", "A member has died, or was merged into another person.", limits, gone)
    no_heads = [str(one.id) for one in people if not one.is_head]
    if no_heads:
        raise _refused("kube-member-not-head", "Every member is a head of family.", limits, no_heads)
    elsewhere = [str(one.id) for one in people if not one.area.startswith(district + ".")]
    if elsewhere:
        sentence = f"Every member lives in the kecamatan {district}."
        raise _refused("kube-other-district", sentence, limits, elsewhere)


def _refused(slug: str, sentence: str, limits: GroupLimits, persons: list[str] | None = None) -> Refused:
    return Refused(slug, sentence, legal_basis=limits.legal_basis, persons=persons or [])


async def lock_members(ids: Sequence[UUID], tx: Tx) -> Sequence[Person]:
    """The members' rows, locked in one order, so that two groups cannot take the same person at once."""
    rows = select(Person).where(Person.id.in_(ids)).order_by(Person.id).with_for_update()
    people = (await tx.session.execute(rows)).scalars().all()
    unknown = set(ids) - {person.id for person in people}
    if unknown:
        raise Refused("kube-member-unknown", "A member is not in the registry.", persons=sorted(map(str, unknown)))
    return people


async def refuse_members_elsewhere(ids: Sequence[UUID], tx: Tx) -> None:
    """Nobody is in two groups."""
    taken = await tx.session.scalars(select(GroupMember.person_id).where(GroupMember.person_id.in_(ids)))
    persons = sorted(map(str, taken))
    if persons:
        raise Refused("kube-member-in-another", "A member belongs to another KUBE.", "conflict", persons=persons)
