"""Instruments and assessments over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import assessing, assessment_queries
from services.cases.worded import Lang
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["assessments"])


@router.get("/instruments")
async def list_instruments(what: Annotated[assessment_queries.ListInstruments, Query()], who: Who, context: Ctx) -> Any:
    """The instruments that fit a kind of client."""
    async with context.db.begin(who) as tx:
        return await assessment_queries.list_instruments(what, who, tx)


@router.get("/instruments/{code}")
async def read_instrument(
    code: assessing.InstrumentCode,
    who: Who,
    context: Ctx,
    version: Annotated[int | None, Query(ge=1, le=9999)] = None,
    lang: Lang = "id",
) -> Any:
    """An instrument's items and the JSON Schema of its answers."""
    what = assessment_queries.ReadInstrument(code=code, version=version, lang=lang)
    async with context.db.begin(who) as tx:
        return await assessment_queries.read_instrument(what, who, tx)


@router.post("/cases/{case_id}/assessments", status_code=201)
async def assess_case(case_id: UUID, body: assessing.AssessCase, who: Who, context: Ctx, key: Key = None) -> Any:
    """Submit an instrument."""
    return await obey(context, assessing.assess_case, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/cases/{case_id}/assessments")
async def list_assessments(
    case_id: UUID, what: Annotated[assessment_queries.ListAssessments, Query()], who: Who, context: Ctx
) -> Any:
    """A case's assessments and drafts."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await assessment_queries.list_assessments(what.model_copy(update={"case_id": case_id}), who, tx)


@router.put("/cases/{case_id}/assessments/draft")
async def save_draft(case_id: UUID, body: assessing.SaveDraft, who: Who, context: Ctx, key: Key = None) -> Any:
    """Keep a half-filled instrument."""
    return await obey(context, assessing.save_draft, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/cases/{case_id}/assessments/draft")
async def read_draft(
    case_id: UUID, what: Annotated[assessment_queries.ReadDraft, Query()], who: Who, context: Ctx
) -> Any:
    """Go on with it."""
    async with context.db.begin(who) as tx:
        return await assessment_queries.read_draft(what.model_copy(update={"case_id": case_id}), who, tx)


@router.get("/cases/{case_id}/assessments/changes")
async def read_changes(
    case_id: UUID, what: Annotated[assessment_queries.ReadChanges, Query()], who: Who, context: Ctx
) -> Any:
    """How the scores changed over time."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await assessment_queries.read_changes(what.model_copy(update={"case_id": case_id}), who, tx)


@router.get("/cases/{case_id}/assessments/{assessment_id}")
async def read_assessment(
    case_id: UUID,
    assessment_id: UUID,
    what: Annotated[assessment_queries.OfCase, Query()],
    who: Who,
    context: Ctx,
) -> Any:
    """One assessment with its full working."""
    named = {"case_id": case_id, "assessment_id": assessment_id}
    wanted = assessment_queries.ReadAssessment(**(what.model_dump() | named))
    async with context.db.begin(who, snapshot=True) as tx:
        return await assessment_queries.read_assessment(wanted, who, tx)
