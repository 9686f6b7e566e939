"""Opening a case: of a client of the registry, or of somebody unknown; and what to do when there is one already."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from services.cases.casefile import former_case, record, told
from services.cases.commands import FROM_THE_PATH, Answer, Area
from services.cases.duties import keep_duties
from services.cases.models import Case
from services.cases.opening_rules import already_open
from services.cases.plans import Words
from services.cases.stages import Stage
from services.cases.tasks import Sub, TaskAnswer, add_task
from services.cases.unknown import DescribedClient, describe
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseOpened
from sinergi.problems import Refused

WayIn = Literal["walk-in", "registry", "outreach", "complaint", "other-regency", "registry-finding"]
Kind = Literal["person", "household", "group", "unknown"]


class Opening(BaseModel):
    """What is said when a case is opened. `supervisor` unset: the first supervisor of the office to act."""

    model_config = ConfigDict(extra="forbid")
    area: Area
    supervisor: Sub | None = None


class OpenCase(Opening):
    """Take up the case of a client of the registry (`client_id`), or of somebody unknown (`unknown`)."""

    client_kind: Kind
    client_id: UUID | None = None
    unknown: DescribedClient | None = None
    way_in: WayIn

    @model_validator(mode="after")
    def _one_client(self) -> "OpenCase":
        of_registry = self.client_kind != "unknown"
        if (self.client_id is not None) != of_registry or (self.unknown is None) != of_registry:
            raise ValueError("give client_id for a client of the registry, unknown for somebody without an identity")
        return self


class OfferInformation(BaseModel):
    """Give the holder of a case, of whatever office, what one knows. The words become a task there."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    text: Words


@permit("case.open")
async def open_case(cmd: OpenCase, actor: Actor, tx: Tx) -> Answer:
    """Identifikasi. `Refused` (case-already-open, with `case_id`) when the client has an open case anywhere."""
    client_id = cmd.client_id or (describe(cmd.unknown, actor, tx).id if cmd.unknown else FROM_THE_PATH)
    case = await begin_case(cmd.client_kind, client_id, cmd.way_in, cmd, actor, tx)
    return Answer(id=case.id, version=case.version, state=case.stage)


async def begin_case(
    kind: str, client_id: UUID, way_in: str, opening: Opening, actor: Actor, tx: Tx, risk: str | None = None
) -> Case:
    """The new case of this client, held by the actor; `Refused` as `open_case`."""
    actor.within(area=opening.area)
    if opening.supervisor == actor.id:
        raise Refused("self-approval", "Nobody supervises a case of their own.")
    case = (await tx.session.scalars(_insert(kind, client_id, way_in, opening, actor, risk))).one_or_none()
    if case is None:
        raise await already_open(kind, client_id, actor, tx)
    client = {"client_kind": case.served_as, "client_id": str(client_id)}
    tx.emit(CaseOpened(**told(case), **client, provisional=kind == "unknown"), of=case)
    record(case, "open", actor, tx)
    await keep_duties(case, actor, tx)
    return case


def _insert(
    kind: str, client_id: UUID, way_in: str, opening: Opening, actor: Actor, risk: str | None
) -> ReturningInsert[Case]:
    """Two workers may take up one client at once: the index of open cases lets one of them in."""
    row = insert(Case).values(
        id=new_id(),
        version=0,
        agency=actor.agency,
        area=opening.area,
        worker=actor.id,
        supervisor=opening.supervisor or "",
        client_kind=kind,
        client_id=client_id,
        way_in=way_in,
        stage=Stage.IDENTIFIKASI,
        risk=risk,
        former_case_id=former_case(kind, client_id),
    )
    unless_open = row.on_conflict_do_nothing(
        index_elements=[Case.client_kind, Case.client_id], index_where=Case.closed_at.is_(None)
    )
    return unless_open.returning(Case)


@permit("case.offer")
async def offer_information(cmd: OfferInformation, actor: Actor, tx: Tx) -> TaskAnswer:
    """Whoever met the client tells the holder, who has a task from it; one learns nothing of the case by it."""
    case = await tx.get(Case, cmd.case_id)
    if case.closed_at:
        raise Refused("case-closed", "That case is closed meanwhile: open one.", "conflict")
    task = await add_task(tx, case=case, kind="information-offered", reason="offered")
    task.note = cmd.text
    record(case, "offer", actor, tx, actor.agency)
    return TaskAnswer(id=task.id, version=task.version, state=task.state)
