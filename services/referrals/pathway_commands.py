"""What can be done with pathways: start one, and decide where it does not go on by itself."""

from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from services.referrals.models import Base
from services.referrals.pathway_models import Pathway, PathwayStep
from services.referrals.pathway_progress import Course, lock_course
from services.referrals.pathway_requests import OnPathway, RetryStep, SkipReason, SkipStep, StartPathway, StopPathway
from services.referrals.pathways import Shelf, Template
from services.referrals.pathways.engine import ENDED, PathwayState, StepState
from services.referrals.turn import Answer
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import PathwayStarted
from sinergi.problems import Refused

#: the steps on which each decision may be made
RETRIES = frozenset({StepState.FAILED, StepState.READY, StepState.UNDO_FAILED})
SKIPS = frozenset({StepState.FAILED, StepState.READY, StepState.WAITING, StepState.UNDO_FAILED})

_TABLE = Base.metadata.tables[Pathway.__tablename__]
_INSERT_UNLESS_RUNNING = (
    insert(_TABLE)
    .on_conflict_do_nothing(index_elements=["client_id", "template"], index_where=text("ended_at IS NULL"))
    .returning(_TABLE.c.id)
)


@permit("pathway.start")
async def start_pathway(cmd: StartPathway, actor: Actor, tx: Tx) -> Answer:
    """Start the newest version of the template for the client. `Refused` when it is for other clients, or when the
    same one runs for this client already."""
    actor.within(area=cmd.area)
    if not actor.agency:
        raise Refused("no-agency", "Your account belongs to no agency: nobody could be answered.", "forbidden")
    return await begin(cmd, actor.agency, actor.id, tx)


async def begin(cmd: StartPathway, agency: str, worker: str, tx: Tx) -> Answer:
    """Start it for an agency and its worker, whoever asks. Refused as `start_pathway` is."""
    template = Shelf.current().newest(cmd.template)
    if cmd.client_kind not in template.clients:
        meant = list(template.clients)
        raise Refused("wrong-client-kind", "This pathway is for other clients. Choose another one.", meant_for=meant)
    course = await _insert(cmd, template, agency, worker, tx)
    course.tell(PathwayStarted)
    course.settle()
    return _answer(course)


@permit("pathway.retry_step")
async def retry_step(cmd: RetryStep, actor: Actor, tx: Tx) -> Answer:
    """Ask again now, whatever the step's conditions say: the worker has judged."""
    course, step = await _take(cmd, cmd.step, RETRIES, actor, tx)
    course.pathway.documents = list(dict.fromkeys([*course.pathway.documents, *cmd.documents]))
    step.decided, step.asked, step.chosen = True, [], cmd.service
    if step.state == StepState.UNDO_FAILED and _undone_by_worker(course, cmd.step):
        raise Refused("step-cannot", "No desk can take this back. See to it, then say so.", "conflict")
    course.retry(step, "retry", "worker")
    course.settle()
    return _answer(course)


@permit("pathway.skip_step")
async def skip_step(cmd: SkipStep, actor: Actor, tx: Tx) -> Answer:
    """Pass a step over; what waited for it goes on. One that is being taken back counts as taken back."""
    course, step = await _take(cmd, cmd.step, SKIPS, actor, tx)
    step.note = cmd.note
    if step.state == StepState.UNDO_FAILED:
        course.undone(step)
    elif cmd.reason is SkipReason.TAKEN_BACK:
        raise Refused("step-cannot", "Nothing of this step is to be taken back. Choose another reason.")
    else:
        course.skip(step, cmd.reason)
    course.settle()
    return _answer(course)


@permit("pathway.stop")
async def stop_pathway(cmd: StopPathway, actor: Actor, tx: Tx) -> Answer:
    """Go on no further: what runs is called back, then what was done is taken back, the last first."""
    course = await _open_course(cmd, actor, tx)
    if course.pathway.stop_reason:
        raise Refused("pathway-stopping", "It is being stopped already.", "conflict", state=course.pathway.state)
    course.pathway.note = cmd.note
    course.stop(cmd.reason)
    course.settle()
    return _answer(course)


async def _insert(cmd: StartPathway, template: Template, agency: str, worker: str, tx: Tx) -> Course:
    """One statement inserts and finds out whether it runs already, also when it is started twice at once."""
    fields = cmd.model_dump(exclude={"template", "legal_basis"})
    values = fields | {
        "id": new_id(),
        "version": 0,
        "template": template.code,
        "template_version": template.version,
        "definition": template.model_dump(mode="json"),
        "state": PathwayState.RUNNING,
        "agency": agency,
        "worker": worker,
        "legal_basis": cmd.legal_basis or template.legal_basis,
        "started_at": datetime.now(UTC),
    }
    if (await tx.session.execute(_INSERT_UNLESS_RUNNING, values)).one_or_none() is None:
        raise await _runs_already(cmd, tx)
    tx.add(*(_first(values["id"], key.key, place) for place, key in enumerate(template.steps)))
    return await lock_course(values["id"], tx)


async def _runs_already(cmd: StartPathway, tx: Tx) -> Refused:
    same = (Pathway.client_id == cmd.client_id, Pathway.template == cmd.template, Pathway.ended_at.is_(None))
    found = (await tx.session.execute(select(Pathway.id, Pathway.step_id).where(*same))).one_or_none()
    sentence = "This pathway runs for this client already. Follow that one."
    which = {"pathway_id": str(found.id), "step_id": str(found.step_id)} if found else {}
    return Refused("pathway-already-running", sentence, "conflict", **which)


def _first(pathway_id: object, key: str, position: int) -> PathwayStep:
    lists: dict[str, object] = {"evidence": [], "asked": [], "used": {}}
    counts = {"attempt": 0, "tries": 0, "decided": False}
    return PathwayStep(pathway_id=pathway_id, key=key, position=position, state=StepState.WAITING, **lists, **counts)


async def _open_course(cmd: OnPathway, actor: Actor, tx: Tx) -> Course:
    course = await lock_course(cmd.pathway_id, tx)
    pathway = course.pathway
    actor.within(agencies=(pathway.agency,), area=pathway.area)
    how = {"state": pathway.state, "version": pathway.version}
    if pathway.version != cmd.expected_version:
        raise Refused("version-conflict", "It was changed meanwhile. Read it again, then decide.", "conflict", **how)
    if pathway.state in ENDED:
        raise Refused("pathway-ended", "It has ended. Start a new one if it is needed again.", "conflict", **how)
    return course


async def _take(
    cmd: OnPathway, key: str, states: frozenset[StepState], actor: Actor, tx: Tx
) -> tuple[Course, PathwayStep]:
    course = await _open_course(cmd, actor, tx)
    step = course.steps.get(key)
    if step is None:
        raise Refused("no-such-step", "This pathway has no such step. Read it again.", known=list(course.steps))
    if step.state not in states:
        sentence = f"A step that is {step.state} can take no such decision."
        raise Refused("step-cannot", sentence, "conflict", state=step.state, version=course.pathway.version)
    return course, step


def _undone_by_worker(course: Course, key: str) -> bool:
    undo = course.template.step(key).undo
    return undo is None or undo.ask == "worker"


def _answer(course: Course) -> Answer:
    pathway = course.pathway
    return Answer(id=str(pathway.id), version=pathway.version, state=pathway.state)
