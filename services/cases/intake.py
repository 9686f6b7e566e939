"""Reports (laporan): what somebody tells the office before there is any case, screened first for risk to life.

received → screened → taken up as a case | joined to an open case | referred on to another office | closed without one.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from services.cases.casefile import record
from services.cases.commands import FROM_THE_PATH, Area
from services.cases.intake_models import Intake
from services.cases.models import Case, Task
from services.cases.opening import Opening, WayIn, begin_case
from services.cases.plans import Code, Text, Words
from services.cases.tasks import add_task, clock, finish, move_into_case
from services.cases.unknown import DescribedClient, Line, describe
from services.cases.ways_in import ways_in
from sinergi.auth import Actor, permit
from sinergi.clock import set_alarm, silence
from sinergi.db import Tx, new_id
from sinergi.events import (
    IntakeClosed,
    IntakeJoined,
    IntakeOverdue,
    IntakeReceived,
    IntakeReferredOn,
    IntakeRiskToLife,
    IntakeScreened,
    IntakeTakenUp,
)
from sinergi.problems import Refused
from sinergi.workdays import zone_of

UNSCREENED = "intake.unscreened"
#: urgency -> place in the queue. What nobody has screened may be urgent (ours).
RANK = {"life": 0, "urgent": 1, None: 1, "normal": 2}

Reporter = Literal[
    "client-or-family", "public", "police", "tksk", "hospital", "jaki-crm", "lapor", "other-regency", "registry-finding"
]
AgencyCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,12}$")]


class IntakeState(StrEnum):
    """Where a report stands."""

    RECEIVED = "received"
    SCREENED = "screened"
    TAKEN_UP = "taken_up"
    JOINED = "joined"
    REFERRED_ON = "referred_on"
    CLOSED = "closed"


#: nobody has decided yet
WAITING = (IntakeState.RECEIVED, IntakeState.SCREENED)


class ReceiveIntake(BaseModel):
    """Enter a report. `area` is where it lies in the office's work, `place_area` where somebody was seen, anywhere.

    The client is one of the registry (`client_kind`, `client_id`), somebody described (`unknown`), or not yet said.
    """

    model_config = ConfigDict(extra="forbid")
    area: Area
    way_in: WayIn
    reporter: Reporter
    contact: Text = ""
    place_area: Area
    place: Text = ""
    seen_at: AwareDatetime
    needs: list[Code] = Field(default=[], max_length=20)
    account: Words
    photo: Line = ""
    client_kind: Literal["person", "household", "group"] | None = None
    client_id: UUID | None = None
    unknown: DescribedClient | None = None

    @model_validator(mode="after")
    def _at_most_one_client(self) -> "ReceiveIntake":
        if (self.client_kind is None) != (self.client_id is None) or (self.client_id and self.unknown):
            raise ValueError("give client_kind with client_id, or unknown, or neither")
        return self


class OnIntake(BaseModel):
    """A command on a report as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    intake_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class ScreenIntake(OnIntake):
    """Answer each question of the screening."""

    answers: dict[Annotated[str, StringConstraints(max_length=40)], bool] = Field(max_length=50)


class TakeUpIntake(OnIntake, Opening):
    """Make it a case of one's own. A client of the registry may be named now."""

    client_kind: Literal["person", "household", "group"] | None = None
    client_id: UUID | None = None


class JoinIntake(OnIntake):
    """It is about the client of a case that is open already, of whatever office."""

    case_id: UUID


class ReferOnIntake(OnIntake):
    """Another regency's office must see to it."""

    to_agency: AgencyCode
    to_area: Area
    note: Text = ""


class CloseIntake(OnIntake):
    """No case comes of it."""

    reason: Literal["not-found", "false-report", "already-served", "died", "refused", "moved", "duplicate", "other"]
    note: Text = ""


class IntakeAnswer(BaseModel):
    """The report after a command; `case_id` when it belongs to a case."""

    id: UUID
    version: int
    state: str
    case_id: UUID | None = None


class ScreenedAnswer(IntakeAnswer):
    """How urgent it is, and the questions whose yes says so."""

    urgency: str
    because: list[str]


@permit("intake.receive")
async def receive_intake(cmd: ReceiveIntake, actor: Actor, tx: Tx) -> IntakeAnswer:
    """Enter a report; it must be screened within the hours of ways_in.v1.json."""
    actor.within(area=cmd.area)
    if cmd.seen_at > datetime.now(UTC) + timedelta(hours=1):
        raise Refused("seen-in-the-future", "Say when it was seen: not a time to come.")
    kind, client_id = cmd.client_kind or ("unknown" if cmd.unknown else None), cmd.client_id
    if cmd.unknown:
        client_id = describe(cmd.unknown, actor, tx).id
    told = cmd.model_dump(exclude={"unknown", "client_kind", "client_id"})
    report = _new(agency=actor.agency, received_by=actor.id, client_kind=kind, client_id=client_id, **told)
    await _received(report, tx)
    return _answer(report)


@permit("intake.screen")
async def screen_intake(cmd: ScreenIntake, actor: Actor, tx: Tx) -> ScreenedAnswer:
    """The first questions. A risk to life goes to the top of the queue, and is a task of today and a fact."""
    report = await waiting_intake(cmd, actor, tx)
    report.answers, report.screened_by, report.screened_at = cmd.answers, actor.id, datetime.now(UTC)
    report.urgency, report.because = ways_in().screening.judge(cmd.answers)
    report.state, report.rank = IntakeState.SCREENED, RANK[report.urgency]
    await silence(tx, report.id, UNSCREENED)
    tx.emit(IntakeScreened(**_told(report), urgency=report.urgency), of=report)
    if report.urgency == "life":
        await _act_now(report, actor, tx)
    else:
        await _task_done(report, actor, tx)
    return ScreenedAnswer(**_answer(report).model_dump(), urgency=report.urgency, because=report.because)


@permit("intake.take_up")
async def take_up_intake(cmd: TakeUpIntake, actor: Actor, tx: Tx) -> IntakeAnswer:
    """It is the actor's case now. `Refused` (case-already-open) when the client has one: join it."""
    report = await waiting_intake(cmd, actor, tx, IntakeState.SCREENED)
    if (cmd.client_kind is None) != (cmd.client_id is None):
        raise Refused("client-incomplete", "Give the client's kind and id together.")
    kind, client_id = cmd.client_kind or report.client_kind or "unknown", cmd.client_id or report.client_id
    if client_id is None:
        client_id = describe(DescribedClient(description=report.account), actor, tx).id
    risk = "life" if report.urgency == "life" else None
    case = await begin_case(kind, client_id, report.way_in, cmd, actor, tx, risk)
    await _task_into(case, report, tx)
    _decided(report, IntakeState.TAKEN_UP, actor, case_id=case.id, client_kind=kind, client_id=client_id)
    tx.emit(IntakeTakenUp(**_told(report), case_id=str(case.id)), of=report)
    return _answer(report)


@permit("intake.join")
async def join_intake(cmd: JoinIntake, actor: Actor, tx: Tx) -> IntakeAnswer:
    """The holder of the open case has a task to read it."""
    report = await waiting_intake(cmd, actor, tx, IntakeState.SCREENED)
    case = await tx.get(Case, cmd.case_id)
    if case.closed_at:
        raise Refused("case-closed", "That case is closed meanwhile: take the report up as a new one.", "conflict")
    _decided(report, IntakeState.JOINED, actor, case_id=case.id)
    await _task_done(report, actor, tx)
    due_on = datetime.now(zone_of(case.area)).date() if report.urgency == "life" else None
    task = await add_task(tx, case=case, kind="intake-joined", reason=report.urgency or "", due_on=due_on)
    task.note = report.account
    record(case, "join_intake", actor, tx, report.way_in)
    tx.emit(IntakeJoined(**_told(report), case_id=str(case.id)), of=report)
    return _answer(report)


@permit("intake.refer_on")
async def refer_intake_on(cmd: ReferOnIntake, actor: Actor, tx: Tx) -> IntakeAnswer:
    """The other office has it in its queue, screened as it was, with all that was told; here it is decided."""
    report = await waiting_intake(cmd, actor, tx, IntakeState.SCREENED)
    if cmd.to_agency == actor.agency:
        raise Refused("same-agency", "Choose another office: this one has it.")
    theirs = _copy(report, cmd)
    await _received(theirs, tx)
    if theirs.urgency == "life":
        tx.emit(IntakeRiskToLife(**_told(theirs)), of=theirs)
    _decided(report, IntakeState.REFERRED_ON, actor, to_agency=cmd.to_agency, note=cmd.note)
    await _task_done(report, actor, tx)
    tx.emit(IntakeReferredOn(**_told(report), to_agency=cmd.to_agency, new_intake_id=str(theirs.id)), of=report)
    return _answer(report)


@permit("intake.close")
async def close_intake(cmd: CloseIntake, actor: Actor, tx: Tx) -> IntakeAnswer:
    """It ends without a case, for a coded reason."""
    report = await waiting_intake(cmd, actor, tx, IntakeState.SCREENED)
    _decided(report, IntakeState.CLOSED, actor, reason=cmd.reason, note=cmd.note)
    await _task_done(report, actor, tx)
    tx.emit(IntakeClosed(**_told(report), reason=cmd.reason), of=report)
    return _answer(report)


@clock.on(UNSCREENED)
async def when_a_report_was_not_screened_in_time_tell(intake_id: UUID, tx: Tx) -> None:
    """A fact, which notify brings to the office's supervisors."""
    report = await tx.lock(Intake, intake_id)
    if report.state == IntakeState.RECEIVED:
        report.overdue = True
        tx.emit(IntakeOverdue(**_told(report)), of=report)


async def waiting_intake(cmd: OnIntake, actor: Actor, tx: Tx, *states: IntakeState) -> Intake:
    """The report, locked, while it waits for a decision (in one of these states); `Refused` for another office."""
    report = await tx.get(Intake, cmd.intake_id)
    actor.within(agencies=(report.agency,), area=report.area)
    report = await tx.lock(Intake, cmd.intake_id, cmd.expected_version)
    if report.state not in WAITING:
        raise Refused("intake-decided", "It was decided already.", "conflict", state=report.state)
    if states and report.state not in states:
        raise Refused("intake-not-screened", "Answer the questions about risk to life first.", "conflict")
    return report


def _new(**told: Any) -> Intake:
    blank = {"state": IntakeState.RECEIVED, "because": [], "rank": RANK[None], "overdue": False, "note": ""}
    return Intake(**(blank | {"id": new_id(), "version": 0} | told))


def _copy(report: Intake, cmd: ReferOnIntake) -> Intake:
    """The report as the other office gets it."""
    kept = (
        "contact", "place_area", "place", "seen_at", "needs", "account", "photo", "client_kind", "client_id",
        "received_by", "state", "answers", "urgency", "because", "rank", "screened_by", "screened_at",
    )  # fmt: skip
    theirs = {"agency": cmd.to_agency, "area": cmd.to_area, "referred_from": report.id, "note": cmd.note}
    told = {name: getattr(report, name) for name in kept}
    return _new(way_in="other-regency", reporter="other-regency", **theirs, **told)


async def _received(report: Intake, tx: Tx) -> None:
    tx.add(report)
    await tx.session.flush()
    origin = await tx.get(Intake, report.referred_from) if report.referred_from else None
    referred_by = origin.agency if origin else None
    said = {"way_in": report.way_in, "reporter": report.reporter, "referred_by": referred_by}
    tx.emit(IntakeReceived(**_told(report), **said), of=report)
    if report.state == IntakeState.RECEIVED:
        within = timedelta(hours=ways_in().screening.within_hours)
        await set_alarm(tx, UNSCREENED, report.id, datetime.now(UTC) + within)


async def _act_now(report: Intake, actor: Actor, tx: Tx) -> None:
    if report.task_id is None:
        today = datetime.now(zone_of(report.area)).date()
        office, area = report.agency, report.area
        task = await add_task(
            tx, kind="risk-to-life", reason="life", due_on=today, agency=office, area=area, worker=actor.id
        )
        await tx.session.flush()
        report.task_id = task.id
        tx.emit(IntakeRiskToLife(**_told(report)), of=report)


async def _task_into(case: Case, report: Intake, tx: Tx) -> None:
    """What must be done at once is a task of the case now."""
    if report.task_id:
        task = await tx.lock(Task, report.task_id)
        if task.done_at is None:
            await tx.session.flush()
            await move_into_case(task, case, tx)


async def _task_done(report: Intake, actor: Actor, tx: Tx) -> None:
    if report.task_id:
        task, report.task_id = await tx.lock(Task, report.task_id), None
        if task.done_at is None:
            await finish(task, actor, tx)


def _decided(report: Intake, state: IntakeState, actor: Actor, **values: Any) -> None:
    said = {"state": state, "decided_by": actor.id, "decided_at": datetime.now(UTC), **values}
    for name, value in said.items():
        setattr(report, name, value)


def _told(report: Intake) -> dict[str, str]:
    return {"intake_id": str(report.id), "agency": report.agency, "area": report.area}


def _answer(report: Intake) -> IntakeAnswer:
    return IntakeAnswer(id=report.id, version=report.version, state=report.state, case_id=report.case_id)
