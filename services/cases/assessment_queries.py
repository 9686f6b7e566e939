"""What can be read of instruments (they are nobody's data) and of assessments (each reading is audited)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from services.cases.assessing import InstrumentCode
from services.cases.assessing_models import AssessmentDraft
from services.cases.casefile import own_case, readable_case
from services.cases.changing import series
from services.cases.instruments import Judgement, Shelf, Worked, judge
from services.cases.instruments.scoring import still_fitting
from services.cases.models import Assessment
from services.cases.queries import Page, Purpose
from services.cases.worded import Lang, answered, explained, say, summary, title_of, whole
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import ClientKind
from sinergi.problems import Refused

#: of so many assessments of a case the change is shown, the newest ones
COMPARED = 200


class ListInstruments(BaseModel):
    """The instruments, or those that fit a kind of client."""

    client_kind: ClientKind | None = None
    lang: Lang = "id"


class ReadInstrument(BaseModel):
    """One instrument, in its newest version or another one."""

    code: InstrumentCode
    version: int | None = None
    lang: Lang = "id"


class OfCase(BaseModel):
    """What is read of a case's assessments, why, and in which language."""

    case_id: UUID = UUID(int=0)
    purpose: Purpose = "casework"
    lang: Lang = "id"


class ListAssessments(Page, OfCase):
    """A case's assessments."""


class ReadAssessment(OfCase):
    """One of them."""

    assessment_id: UUID = UUID(int=0)


class ReadChanges(OfCase):
    """How the scores changed; by one instrument, or by all."""

    instrument: InstrumentCode | None = None


class ReadDraft(OfCase):
    """The half-filled instrument."""

    instrument: InstrumentCode


@permit("instrument.read")
async def list_instruments(what: ListInstruments, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The newest version of each instrument, by code. (They lie in memory: a few, not a table.)"""
    fitting = Shelf.current().fitting(what.client_kind)
    return {"items": [summary(one, what.lang) for one in fitting], "total": len(fitting)}


@permit("instrument.read")
async def read_instrument(what: ReadInstrument, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Its items in the asked language, and the JSON Schema of its answers."""
    shelf = Shelf.current()
    found = shelf.newest(what.code) if what.version is None else shelf.find(what.code, what.version)
    if found is None:
        raise Refused("unknown-instrument", "There is no such version of this instrument.", "not-found")
    return whole(found, what.lang)


@permit("assessment.read")
async def list_assessments(what: ListAssessments, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A case's assessments, newest first, with their risk, and which instruments are half filled in."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("assessment.list", "case", [case.id], what.purpose)
    of_case = select(Assessment).filter_by(case_id=case.id)
    total = await tx.session.scalar(select(func.count()).select_from(of_case.subquery()))
    newest = of_case.order_by(Assessment.at.desc(), Assessment.id.desc()).limit(what.size).offset(what.skip)
    drafts = select(AssessmentDraft).filter_by(case_id=case.id).order_by(AssessmentDraft.instrument)
    return {
        "items": [_line(one, what.lang) for one in await tx.session.scalars(newest)],
        "total": total or 0,
        "drafts": [_draft_line(one, what.lang) for one in await tx.session.scalars(drafts)],
    }


@permit("assessment.read")
async def read_assessment(what: ReadAssessment, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One assessment with its full working: what was answered, what it counted, which threshold it reached."""
    case = await readable_case(what.case_id, actor, tx)
    row = await tx.session.get(Assessment, what.assessment_id)
    if row is None or row.case_id != case.id:
        raise Refused("not-found", "There is no such assessment in this case.", "not-found")
    await tx.audit("assessment.read", "case", [case.id], what.purpose)
    used = Shelf.current().find(row.instrument, row.instrument_version)
    worked = explained(used, working_of(row), what.lang)
    return _line(row, what.lang) | worked | {"answers": answered(used, row.answers, row.remarks, what.lang)}


@permit("assessment.read")
async def read_changes(what: ReadChanges, actor: Actor, tx: Tx) -> dict[str, Any]:
    """For each instrument and domain the scores in a row, with dates and versions, and which way they went."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("assessment.changes", "case", [case.id], what.purpose)
    wanted = {"case_id": case.id} | ({"instrument": what.instrument} if what.instrument else {})
    order = (Assessment.at.desc(), Assessment.id.desc())
    newest = (await tx.session.scalars(select(Assessment).filter_by(**wanted).order_by(*order).limit(COMPARED))).all()
    rows = newest[::-1]
    codes = sorted({one.instrument for one in rows})
    of_each = [_changes(code, [one for one in rows if one.instrument == code], what.lang) for code in codes]
    total = await tx.session.scalar(select(func.count()).select_from(Assessment).filter_by(**wanted))
    return {"items": of_each, "compared": len(rows), "total": total or 0}


@permit("assessment.draft")
async def read_draft(what: ReadDraft, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The draft, for whoever works on the case. `left_out` names answers that the newest version does not take."""
    case = await own_case(what.case_id, None, actor, tx)
    draft = await tx.session.get(AssessmentDraft, (case.id, what.instrument))
    if draft is None:
        raise Refused("not-found", "There is no draft of this instrument.", "not-found")
    await tx.audit("assessment.draft", "case", [case.id], what.purpose)
    used = Shelf.current().newest(draft.instrument)
    same = draft.instrument_version == used.version
    answers = draft.answers if same else still_fitting(used, draft.answers)
    kept = {"answers": answers, "remarks": draft.remarks, "left_out": sorted(draft.answers.keys() - answers)}
    return _draft_line(draft, what.lang) | kept


def working_of(row: Assessment) -> Judgement:
    """The working as it was written down; before 0003 nothing was, and all were judged by general.v1."""
    if row.working:
        return Judgement.model_validate(row.working | {"risk": row.risk, "because": row.because})
    first = Shelf.current().find("general", 1)
    assert first is not None
    return judge(first, row.answers)


def _changes(code: str, rows: Sequence[Assessment], lang: Lang) -> dict[str, Any]:
    used = Shelf.current().find(code, rows[-1].instrument_version)
    found = series([(row, _scores(working_of(row))) for row in rows])
    domains = [one.model_dump() | {"title": title_of(used, one.domain, lang)} for one in found]
    return {"instrument": code, "title": say(used.title, lang) if used else code, "domains": domains}


def _scores(judged: Judgement) -> list[Worked]:
    return [*judged.domains, *([judged.total] if judged.total else [])]


def _line(row: Assessment, lang: Lang) -> dict[str, Any]:
    used = Shelf.current().find(row.instrument, row.instrument_version)
    names = ("id", "instrument", "instrument_version", "risk", "current", "assessed_by", "at")
    return {name: getattr(row, name) for name in names} | {
        "title": say(used.title, lang) if used else row.instrument,
        "instrument_known": used is not None,
    }


def _draft_line(draft: AssessmentDraft, lang: Lang) -> dict[str, Any]:
    names = ("instrument", "instrument_version", "version", "saved_by", "saved_at")
    used = Shelf.current().find(draft.instrument, draft.instrument_version)
    title = say(used.title, lang) if used else draft.instrument
    return {name: getattr(draft, name) for name in names} | {"title": title, "answered": len(draft.answers)}
