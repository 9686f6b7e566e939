"""What the registry can be told to do."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.registry import kube
from services.registry.models import Group, GroupMember
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import GroupFormed


class Request(BaseModel):
    """A request knows its fields and no others."""

    model_config = ConfigDict(extra="forbid")


class NewMember(Request):
    """Somebody and the office that they hold in the group."""

    person_id: UUID
    role: Literal["ketua", "sekretaris", "bendahara", "anggota"]


class FormGroup(Request):
    """Form a KUBE in this kecamatan (wilayah code)."""

    kind: Literal["kube"]
    name: str = Field(min_length=3, max_length=120)
    area: str = Field(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")
    members: list[NewMember] = Field(max_length=200)


@permit("group.form")
async def form_group(cmd: FormGroup, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Form a group business of heads of family of one kecamatan (kube.py holds the rules)."""
    actor.within(area=cmd.area)
    limits = await kube.limits_of(cmd.kind, cmd.area, date.today(), tx)
    kube.check_roles([one.person_id for one in cmd.members], [one.role for one in cmd.members], limits)
    people = await kube.lock_members([one.person_id for one in cmd.members], tx)
    kube.check_people(people, cmd.area, limits)
    await kube.refuse_members_elsewhere([one.person_id for one in cmd.members], tx)
    group = Group(
        id=new_id(),
        version=0,
        kind=cmd.kind,
        name=cmd.name,
        area=cmd.area,
        state="formed",
        formed_by=actor.id,
    )
    tx.add(group)
    await tx.session.flush()
    tx.add(*(GroupMember(group_id=group.id, **member.model_dump()) for member in cmd.members))
    tx.emit(GroupFormed(group_id=str(group.id), kind=cmd.kind, area=cmd.area, members=len(cmd.members)), of=group)
    return {"id": str(group.id), "version": group.version, "state": group.state}
