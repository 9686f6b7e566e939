"""Reviews and verdicts over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.registry import reviews, verdicts
from services.registry.queries import Page
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()


@router.get("/reviews")
async def list_reviews(what: Annotated[reviews.ListReviews, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Pairs that wait for a human, masked; closest to the line first."""
    async with context.db.begin(who) as tx:
        return await reviews.list_reviews(what, who, tx)


@router.post("/reviews/verdicts")
async def judge_pairs(cmd: verdicts.JudgePairs, context: Ctx, who: Who, key: Key = None) -> Any:
    """Judge up to 500 pairs at once; each has a result of its own."""
    return await obey(context, verdicts.judge_pairs, cmd, who, key)


@router.get("/reviews/{review_id}")
async def read_review(
    review_id: UUID, purpose: Annotated[str, Query(min_length=3, max_length=200)], context: Ctx, who: Who
) -> dict[str, Any]:
    """Open one pair: both persons side by side."""
    async with context.db.begin(who) as tx:
        return await reviews.read_review(reviews.ReadReview(review_id=review_id, purpose=purpose), who, tx)


@router.get("/persons/{person_id}/verdicts")
async def verdicts_of(person_id: UUID, page: Annotated[Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """What was said about a person and others."""
    what = reviews.VerdictsOf(person_id=person_id, **page.model_dump())
    async with context.db.begin(who) as tx:
        return await reviews.verdicts_of(what, who, tx)


@router.post("/verdicts/{verdict_id}/undo")
async def undo_verdict(verdict_id: UUID, cmd: verdicts.UndoVerdict, context: Ctx, who: Who, key: Key = None) -> Any:
    """Withdraw a verdict."""
    named = cmd.model_copy(update={"verdict_id": verdict_id})
    return await obey(context, verdicts.undo_verdict, named, who, key)


@router.post("/persons/{person_id}/unmerge")
async def unmerge(person_id: UUID, cmd: verdicts.Unmerge, context: Ctx, who: Who, key: Key = None) -> Any:
    """Set a person free who was merged by mistake."""
    return await obey(context, verdicts.unmerge, cmd.model_copy(update={"person_id": person_id}), who, key)


@router.post("/records/{record_id}/detach")
async def detach_record(record_id: UUID, cmd: verdicts.DetachRecord, context: Ctx, who: Who, key: Key = None) -> Any:
    """A record speaks of somebody else."""
    return await obey(context, verdicts.detach_record, cmd.model_copy(update={"record_id": record_id}), who, key)
