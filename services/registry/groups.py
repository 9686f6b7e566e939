"""Groups after they were formed: members come and go, the group ends; the rules by which it is made up; the list."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.registry import kube
from services.registry.commands import NewMember, Request
from services.registry.households import FROM_THE_PATH
from services.registry.models import Group, GroupMember
from services.registry.people_models import GroupLimits, PastGroupMember
from services.registry.queries import Page, _in_area, _paged
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import GroupChanged, GroupDissolved
from sinergi.problems import Refused


class OnGroup(Request):
    """A command on a group as the actor last saw it, with the day since when it is so, and why."""

    group_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    reason: str = Field(min_length=3, max_length=300)


class ReplaceMembers(OnGroup):
    """Some leave, others come in their place; afterwards the group is made up as the rules of today say."""

    leave: list[UUID] = Field(max_length=200)
    join: list[NewMember] = Field(max_length=200)

    @model_validator(mode="after")
    def _somebody(self) -> "ReplaceMembers":
        if not (self.leave or self.join):
            raise ValueError("name who leaves or who comes")
        return self


@permit("group.change")
async def replace_members(cmd: ReplaceMembers, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Members leave and come. Refused by the same rules as the forming of a group, and `kube-not-a-member`."""
    people = await kube.lock_members([one.person_id for one in cmd.join], tx)
    group = await _lock(cmd, actor, tx)
    members = await _members(group.id, tx)
    strangers = set(cmd.leave) - members.keys()
    if strangers:
        raise Refused("kube-not-a-member", "Somebody is not in this group.", persons=sorted(map(str, strangers)))
    stay = {one: member.role for one, member in members.items() if one not in cmd.leave}
    limits = await kube.limits_of(group.kind, group.area, date.today(), tx)
    persons = [*stay, *(one.person_id for one in cmd.join)]
    kube.check_roles(persons, [*stay.values(), *(one.role for one in cmd.join)], limits)
    kube.check_people(people, group.area, limits)
    await kube.refuse_members_elsewhere([one.person_id for one in cmd.join], tx)
    await _let_go([members[one] for one in dict.fromkeys(cmd.leave)], cmd.reason, actor, tx)
    tx.add(*(GroupMember(group_id=group.id, **member.model_dump()) for member in cmd.join))
    tx.emit(GroupChanged(group_id=str(group.id), members=len(persons)), of=group)
    return _answer(group)


class DissolveGroup(OnGroup):
    """The group has ended."""


@permit("group.change")
async def dissolve_group(cmd: DissolveGroup, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The group ends; its members may join another."""
    group = await _lock(cmd, actor, tx)
    await _let_go(list((await _members(group.id, tx)).values()), cmd.reason, actor, tx)
    group.state = "dissolved"
    tx.emit(GroupDissolved(group_id=str(group.id)), of=group)
    return _answer(group)


async def _lock(cmd: OnGroup, actor: Actor, tx: Tx) -> Group:
    actor.within(area=(await tx.get(Group, cmd.group_id)).area)
    group = await tx.lock(Group, cmd.group_id, cmd.expected_version)
    if group.state != "formed":
        raise Refused("group-dissolved", "This group has ended.", "conflict")
    return group


async def _members(group_id: UUID, tx: Tx) -> dict[UUID, GroupMember]:
    rows = select(GroupMember).where(GroupMember.group_id == group_id).order_by(GroupMember.person_id)
    return {member.person_id: member for member in await tx.session.scalars(rows)}


async def _let_go(members: list[GroupMember], reason: str, actor: Actor, tx: Tx) -> None:
    """Out of the group, into its past."""
    for member in members:
        left = {"group_id": member.group_id, "person_id": member.person_id, "role": member.role}
        tx.add(PastGroupMember(id=new_id(), **left, until_on=date.today(), reason=reason, by=actor.id))
    gone = GroupMember.person_id.in_([member.person_id for member in members])
    await tx.session.execute(delete(GroupMember).where(gone))


def _answer(group: Group) -> dict[str, Any]:
    return {"id": str(group.id), "version": group.version, "state": group.state}


# ----------------------------------------------------------------------- rules

_AREA = r"^[0-9]{2}(\.[0-9]+){0,3}$"


class SetGroupLimits(Request):
    """How a kind of group is made up in an area (`` is everywhere) from a day on, and which law says so."""

    kind: Literal["kube"] = "kube"
    area: str = Field(pattern=r"^([0-9]{2}(\.[0-9]+){0,3})?$")
    from_on: date
    least: int = Field(ge=1, le=200)
    most: int = Field(ge=1, le=200)
    one_each: list[Literal["ketua", "sekretaris", "bendahara"]] = Field(["ketua", "sekretaris", "bendahara"])
    legal_basis: str = Field(min_length=5, max_length=200)
    source: str = Field(min_length=5, max_length=300)

    @model_validator(mode="after")
    def _in_order(self) -> "SetGroupLimits":
        if not len(self.one_each) <= self.least <= self.most:
            raise ValueError("least is not more than most, and leaves room for each office")
        return self


@permit("group.limits")
async def set_group_limits(cmd: SetGroupLimits, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Groups that exist stay as they are until they are changed."""
    actor.within(area=cmd.area)
    row = cmd.model_dump() | {"by": actor.id}
    key = ("kind", "area", "from_on")
    new = {name: value for name, value in row.items() if name not in key}
    await tx.session.execute(insert(GroupLimits).values(row).on_conflict_do_update(index_elements=key, set_=new))
    return {name: str(row[name]) for name in key}


class ReadGroupLimits(Request):
    """The rule that holds in an area today."""

    area: str = Field(pattern=_AREA)
    kind: Literal["kube"] = "kube"


@permit("group.read")
async def read_group_limits(what: ReadGroupLimits, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The numbers, with the law and where it was read."""
    limits = await kube.limits_of(what.kind, what.area, date.today(), tx)
    told = ("kind", "area", "from_on", "least", "most", "one_each", "legal_basis", "source")
    return {name: getattr(limits, name) for name in told}


# ------------------------------------------------------------------------ list


class ListGroups(Page):
    """Groups of an area, by part of the name, newest first."""

    area: str | None = Field(None, pattern=_AREA)
    name: str | None = Field(None, min_length=2, max_length=100)
    state: Literal["formed", "dissolved"] = "formed"


@permit("group.read")
async def list_groups(what: ListGroups, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Groups with how many members each has; who they are, each group says when it is opened."""
    conditions = _wanted(what, actor)
    count = select(func.count()).where(GroupMember.group_id == Group.id).scalar_subquery()
    rows = select(Group, count).where(*conditions).order_by(Group.id.desc())
    found = await tx.session.execute(_paged(rows, what))
    total = await tx.session.scalar(select(func.count()).select_from(Group).where(*conditions))
    told = ("kind", "name", "area", "formed_at")
    items = [_answer(one) | {name: getattr(one, name) for name in told} | {"members": n} for one, n in found]
    return {"items": items, "total": total}


def _wanted(what: ListGroups, actor: Actor) -> list[ColumnElement[bool]]:
    wanted = [_in_area(Group.area, actor.area), Group.state == what.state]
    if what.area:
        wanted.append(_in_area(Group.area, what.area))
    if what.name:
        wanted += [Group.name.icontains(word, autoescape=True) for word in what.name.split()]
    return wanted
