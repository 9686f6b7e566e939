"""Facilities (panti, UPT) and their beds, as the people of the facility's agency keep them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.cases.beds import add_bed, change, facility_told
from services.cases.placement_models import Bed, Facility
from services.cases.placement_rules import RULES
from services.cases.placements import FROM_THE_PATH, BedKind, Sex
from services.cases.plans import Code, Words
from services.cases.waiting import pass_on, take_turn
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import FacilityChanged, FacilityRegistered
from sinergi.problems import Refused

#: a province, a kabupaten or kota, or everywhere
Served = Annotated[str, StringConstraints(pattern=r"^(\*|\d{2}(\.\d{2})?)$")]
Place = Annotated[str, StringConstraints(pattern=r"^\d{2}\.\d{2}(\.\d{2}(\.\d{4})?)?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./-]{0,39}$")]
#: how many beds one facility may have; a page of its beds is read at once
MOST_BEDS = 2000


class Intake(BaseModel):
    """Whom a facility takes in. No `categories` means all; ages in whole years."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    area: Place
    serves: list[Served] = Field(min_length=1, max_length=100)
    sexes: list[Sex] = Field(min_length=1, max_length=2)
    age_from: int = Field(0, ge=0, le=150)
    age_to: int = Field(150, ge=0, le=150)
    categories: list[Code] = Field(default=[], max_length=40)

    @model_validator(mode="after")
    def _ages_in_order(self) -> "Intake":
        if self.age_from > self.age_to:
            raise ValueError("age_from is above age_to")
        return self


class RegisterFacility(Intake):
    """Enter a facility of one's own agency."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")]
    kind: Code


class OnFacility(BaseModel):
    """A command on a facility as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    facility_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class ChangeFacility(OnFacility, Intake):
    """What it takes in from now on; `open` false offers no bed any more. Who lives there stays."""

    open: bool = True


class NewBed(BaseModel):
    """A bed: its label on the door, for whom."""

    model_config = ConfigDict(extra="forbid")
    label: Label
    sex: Literal["m", "f", "any"]
    kind: BedKind = "regular"


class AddBeds(OnFacility):
    """More beds."""

    beds: list[NewBed] = Field(min_length=1, max_length=200)


class OnBed(OnFacility):
    """A command on one bed."""

    bed_id: SkipJsonSchema[UUID] = FROM_THE_PATH


class CloseBed(OnBed):
    """Take a free bed out of service, saying why."""

    reason: Words


class ReopenBed(OnBed):
    """The bed can be used again."""


class FacilityAnswer(BaseModel):
    """The facility after a command."""

    id: UUID
    version: int
    state: str


@permit("facility.write")
async def register_facility(cmd: RegisterFacility, actor: Actor, tx: Tx) -> FacilityAnswer:
    """Enter it, without beds yet. `Refused` (unknown-facility-kind, facility-code-taken)."""
    actor.within(area=cmd.area)
    if cmd.kind not in RULES.inside:
        raise Refused("unknown-facility-kind", f"Choose one of: {', '.join(RULES.inside)}.", known=list(RULES.inside))
    row = insert(Facility).values(**cmd.model_dump(), id=new_id(), version=0, agency=actor.agency, open=True)
    unless_taken = row.on_conflict_do_nothing(index_elements=[Facility.code]).returning(Facility)
    facility = (await tx.session.scalars(unless_taken)).one_or_none()
    if facility is None:
        raise Refused("facility-code-taken", "Another facility has this code: choose another.", "conflict")
    tx.emit(FacilityRegistered(**facility_told(facility), code=cmd.code, kind=cmd.kind), of=facility)
    return _answer(facility)


@permit("facility.write")
async def change_facility(cmd: ChangeFacility, actor: Actor, tx: Tx) -> FacilityAnswer:
    """Free beds go to those on the waiting list whom it takes in from now on."""
    facility = await _own(cmd, actor, tx)
    actor.within(area=cmd.area)
    for name, value in cmd.model_dump(exclude={"facility_id", "expected_version"}).items():
        setattr(facility, name, value)
    tx.emit(FacilityChanged(**facility_told(facility), what="intake"), of=facility)
    await tx.session.flush()
    free = select(Bed).where(Bed.facility_id == facility.id, Bed.state == "free").order_by(Bed.label)
    for bed in (await tx.session.scalars(free)).all():
        await pass_on(bed, actor, tx)
    return _answer(facility)


@permit("facility.beds")
async def add_beds(cmd: AddBeds, actor: Actor, tx: Tx) -> FacilityAnswer:
    """Each new bed goes to the first on the list whom it suits. `Refused` (bed-label-taken, too-many-beds)."""
    facility = await _own(cmd, actor, tx)
    labels = [one.label for one in cmd.beds]
    there = set((await tx.session.scalars(select(Bed.label).where(Bed.facility_id == facility.id))).all())
    if taken := sorted({one for one in labels if one in there or labels.count(one) > 1}):
        raise Refused("bed-label-taken", "Give each bed of a facility a label of its own.", "conflict", labels=taken)
    if len(there) + len(labels) > MOST_BEDS:
        raise Refused("too-many-beds", f"A facility has at most {MOST_BEDS} beds.")
    tx.emit(FacilityChanged(**facility_told(facility), what="beds-added"), of=facility)
    for one in cmd.beds:
        await pass_on(await add_bed(facility, one.label, one.sex, one.kind, tx), actor, tx)
    return _answer(facility)


@permit("facility.beds")
async def close_bed(cmd: CloseBed, actor: Actor, tx: Tx) -> FacilityAnswer:
    """Broken, or needed otherwise. `Refused` (bed-not-free) while somebody has it."""
    facility, bed = await _bed("free", cmd, actor, tx)
    await change(bed, "out_of_service", tx, cmd.reason)
    tx.emit(FacilityChanged(**facility_told(facility), what="bed-closed"), of=facility)
    return _answer(facility)


@permit("facility.beds")
async def reopen_bed(cmd: ReopenBed, actor: Actor, tx: Tx) -> FacilityAnswer:
    """It goes to the first on the list whom it suits."""
    facility, bed = await _bed("out_of_service", cmd, actor, tx)
    await change(bed, "free", tx)
    tx.emit(FacilityChanged(**facility_told(facility), what="bed-reopened"), of=facility)
    await pass_on(bed, actor, tx)
    return _answer(facility)


async def _own(cmd: OnFacility, actor: Actor, tx: Tx) -> Facility:
    """The facility, locked for its agency's people, after the turn of its kind."""
    found = await tx.get(Facility, cmd.facility_id)
    actor.within(agencies=(found.agency,), area=found.area)
    await take_turn(found.kind, tx)
    return await tx.lock(Facility, cmd.facility_id, cmd.expected_version)


async def _bed(state: str, cmd: OnBed, actor: Actor, tx: Tx) -> tuple[Facility, Bed]:
    facility = await _own(cmd, actor, tx)
    bed = await tx.session.get(Bed, cmd.bed_id, populate_existing=True)
    if bed is None or bed.facility_id != facility.id:
        raise Refused("not-found", "There is no such bed in this facility.", "not-found")
    if bed.state != state:
        raise Refused(f"bed-not-{state.replace('_', '-')}", f"The bed is {bed.state}.", "conflict", bed_state=bed.state)
    return facility, bed


def _answer(facility: Facility) -> FacilityAnswer:
    return FacilityAnswer(id=facility.id, version=facility.version, state="open" if facility.open else "closed")
