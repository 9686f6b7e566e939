"""Asesmen: an instrument is filled in, in one go or by a draft, and gives a risk with its reasons."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import delete, select, update

from services.cases.assessing_models import AssessmentDraft
from services.cases.casefile import own_case, record, told
from services.cases.commands import FROM_THE_PATH, Answer, OnCase
from services.cases.duties import ASSESS, keep_duties
from services.cases.instruments import LEVELS, Finding, Instrument, Judgement, Shelf, check, judge
from services.cases.models import Assessment, Case
from services.cases.plans import Words
from services.cases.reassessing import plan_the_next
from services.cases.stages import next_stage
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseAssessed
from sinergi.problems import Refused

InstrumentCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
ItemKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Given = StrictBool | StrictInt | ItemKey


class Filled(OnCase):
    """An instrument as far as it is filled in. `version` unset: the newest; an older one is refused."""

    instrument: InstrumentCode
    version: int | None = Field(None, ge=1, le=9999)
    answers: dict[ItemKey, Given] = Field(max_length=100)
    remarks: dict[ItemKey, Words] = Field({}, max_length=100)


class AssessCase(Filled):
    """Submit an instrument: an answer to every item that is asked."""


class SaveDraft(Filled):
    """Keep a half-filled instrument. `expected_version` is the draft's, 0 before there is one."""


class Assessed(Answer):
    """The case after an assessment: the risk that it gave and because of what, and the case's risk now."""

    assessment_id: UUID
    risk: str
    because: list[Finding]
    case_risk: str


class DraftSaved(BaseModel):
    """The draft after it was saved."""

    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    instrument: str
    instrument_version: int
    version: int


@permit("case.assess")
async def assess_case(cmd: AssessCase, actor: Actor, tx: Tx) -> Assessed:
    """Asesmen: the answers give a risk; the assessment takes the place of the last one by the same instrument."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("assess", case.stage)
    used = fitting_instrument(cmd, case)
    judged = judge(used, cmd.answers)
    assessment = await _replace(case, used, cmd, judged, actor, tx)
    case.risk = await _highest_risk(case, tx)
    named = {"assessment_id": str(assessment.id), "instrument": f"{used.code}.v{used.version}"}
    tx.emit(CaseAssessed(**told(case), **named, risk=judged.risk, case_risk=case.risk), of=case)
    record(case, "assess", actor, tx, f"{used.code}.v{used.version}: {judged.risk}")
    await plan_the_next(case, used, judged.risk, actor, tx)
    await keep_duties(case, actor, tx, done={ASSESS})
    answer = Answer(id=case.id, version=case.version, state=case.stage).model_dump()
    found: dict[str, Any] = {"risk": judged.risk, "because": judged.because, "case_risk": case.risk}
    return Assessed(**answer, assessment_id=assessment.id, **found)


@permit("assessment.draft")
async def save_draft(cmd: SaveDraft, actor: Actor, tx: Tx) -> DraftSaved:
    """Keep what is filled in so far. The case does not change; what is filled in must be right as far as it goes."""
    case = await own_case(cmd.case_id, None, actor, tx)
    next_stage("assess", case.stage)
    used = fitting_instrument(cmd, case)
    check(used, cmd.answers, whole=False)
    # the case is locked: nobody saves beside us
    draft = await tx.session.get(AssessmentDraft, (case.id, used.code))
    if (draft.version if draft else 0) != cmd.expected_version:
        sentence = "The draft was saved elsewhere meanwhile. Open it again, then go on."
        raise Refused("draft-changed", sentence, "conflict", version=draft.version if draft else 0)
    if draft is None:
        draft = AssessmentDraft(case_id=case.id, instrument=used.code, version=0)
        tx.add(draft)
    draft.version, draft.instrument_version = draft.version + 1, used.version
    draft.answers, draft.remarks = dict(cmd.answers), dict(cmd.remarks)
    draft.saved_by, draft.saved_at = actor.id, datetime.now(UTC)
    return DraftSaved(instrument=used.code, instrument_version=used.version, version=draft.version, case_id=case.id)


def fitting_instrument(cmd: Filled, case: Case) -> Instrument:
    """The newest version of what is filled in; `Refused` when another one was, or it is not for such a client."""
    used = Shelf.current().newest(cmd.instrument)
    if cmd.version not in (None, used.version):
        sentence = "This instrument has another version now. Open it again: what still fits is kept in the draft."
        raise Refused("instrument-superseded", sentence, "conflict", instrument_version=used.version)
    if case.served_as not in used.for_.clients:
        raise Refused(
            "instrument-not-fitting", "Choose an instrument for this kind of client.", clients=used.for_.clients
        )
    if unknown := sorted(cmd.remarks.keys() - {item.key for item in used.items}):
        raise Refused("answers-not-valid", "Remarks belong to the instrument's items.", unknown=unknown)
    return used


async def _replace(
    case: Case, used: Instrument, cmd: AssessCase, judged: Judgement, actor: Actor, tx: Tx
) -> Assessment:
    same = {"case_id": case.id, "instrument": used.code}
    before = update(Assessment).filter_by(**same, current=True).values(current=False)
    await tx.session.execute(before)
    await tx.session.execute(delete(AssessmentDraft).filter_by(**same))
    assessment = Assessment(
        id=new_id(),
        **same,
        instrument_version=used.version,
        answers=dict(cmd.answers),
        remarks=dict(cmd.remarks),
        risk=judged.risk,
        because=_plain(judged)["because"],
        working={part: _plain(judged)[part] for part in ("domains", "total", "alarms")},
        current=True,
        assessed_by=actor.id,
    )
    tx.add(assessment)
    await tx.session.flush()
    return assessment


def _plain(judged: Judgement) -> Mapping[str, Any]:
    return judged.model_dump(mode="json")


async def _highest_risk(case: Case, tx: Tx) -> str:
    """Of the current assessments by each instrument: the index of current ones serves it."""
    risks = await tx.session.scalars(select(Assessment.risk).filter_by(case_id=case.id, current=True))
    return max(risks, key=[str(level) for level in LEVELS].index)
