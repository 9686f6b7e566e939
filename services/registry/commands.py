"""What the registry can be told to do."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.registry import kube
from services.registry.models import Group, GroupMember, Import, Person
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import GroupFormed
from sinergi.problems import Refused

Source = Literal["ministry", "city"]


class Request(BaseModel):
    """A request knows its fields and no others."""

    model_config = ConfigDict(extra="forbid")


class StartImport(Request):
    """Read the list that lies in the files folder under this id. `sha256` is the file's, in hex."""

    id: UUID = Field(exclude=True)
    source: Source
    filename: str = Field(max_length=200)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


@permit("import.start")
async def start_import(cmd: StartImport, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Queue a list; the same file from the same source, for the same area, is the earlier import unless it failed."""
    row = {**cmd.model_dump(), "id": cmd.id, "area": actor.area, "uploaded_by": actor.id, "version": 0}
    await tx.session.execute(insert(Import).values(row).on_conflict_do_nothing())
    same = (
        Import.source == cmd.source,
        Import.sha256 == cmd.sha256,
        Import.area == actor.area,
        Import.state != "failed",
    )
    found = (await tx.session.execute(select(Import).where(*same))).scalar_one()
    return {"id": str(found.id), "version": found.version, "state": found.state}


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
    kube.check_roles([one.person_id for one in cmd.members], [one.role for one in cmd.members])
    people = await _lock_people(cmd.members, tx)
    kube.check_people(people, cmd.area)
    await _refuse_members_elsewhere(cmd.members, tx)
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


async def _lock_people(members: Sequence[NewMember], tx: Tx) -> Sequence[Person]:
    """The members' rows, locked in one order, so that two groups cannot take the same person at once."""
    ids = [member.person_id for member in members]
    rows = select(Person).where(Person.id.in_(ids)).order_by(Person.id).with_for_update()
    people = (await tx.session.execute(rows)).scalars().all()
    unknown = set(ids) - {person.id for person in people}
    if unknown:
        raise Refused("kube-member-unknown", "A member is not in the registry.", persons=sorted(map(str, unknown)))
    return people


async def _refuse_members_elsewhere(members: Sequence[NewMember], tx: Tx) -> None:
    ids = [member.person_id for member in members]
    taken = await tx.session.scalars(select(GroupMember.person_id).where(GroupMember.person_id.in_(ids)))
    persons = sorted(map(str, taken))
    if persons:
        raise Refused("kube-member-in-another", "A member belongs to another KUBE.", "conflict", persons=persons)
