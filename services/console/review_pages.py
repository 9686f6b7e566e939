"""The pages on which a human judges pairs of persons: the queue, many at once, and one pair side by side."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.console.page import PageRoute, language, render
from services.console.pages import SIZE, Apis, Number
from services.console.session import Signed
from services.console.texts import problem_text
from sinergi.problems import Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: the fields of two persons that are shown side by side
FIELDS = ("name", "nik", "kk", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "relation", "desil")


@router.get("/reviews")
async def reviews(
    request: Request, session: Signed, apis: Apis, reason: str | None = None, page: Number = 1
) -> Response:
    """Pairs that wait, masked; those whose verdict is plain are judged right here, many at once."""
    found = await apis.get("registry", "/reviews", reason=reason or None, page=page, size=SIZE)
    values: dict[str, Any] = {"reason": reason or "", "page": page, "size": SIZE, "key": str(uuid4())}
    return render(request, "reviews.html", session, **found, **values, done=request.query_params.get("done"))


@router.post("/reviews/verdicts")
async def judge(request: Request, session: Signed, apis: Apis) -> Response:
    """Give one verdict about every ticked pair; a pair is `first,second`, with the versions that were seen."""
    form = await request.form()
    pairs = [_pair(str(one), str(form.get("verdict", ""))) for one in form.getlist("pair")]
    if not pairs:
        raise Refused("no-pair-chosen", "Tick at least one pair.")
    body = {"pairs": pairs, "reason": str(form.get("reason", "")).strip()}
    answer = await apis.post("registry", "/reviews/verdicts", body, str(form.get("key", "")))
    refused = [Refused.of(one["problem"]) for one in answer["results"] if one["result"] == "refused"]
    if refused:
        sentences = sorted({problem_text(language(request), no) for no in refused})
        values = {"applied": answer["applied"], "refused": len(refused), "sentences": sentences}
        return render(request, "judged.html", session, 200, **values)
    return RedirectResponse(f"/reviews?done={answer['applied'] + answer['unchanged']}", 303)


@router.get("/reviews/{review_id}")
async def ask_purpose(review_id: UUID, request: Request, session: Signed) -> Response:
    """Before two persons are shown: what for?"""
    return render(request, "review.html", session, review_id=str(review_id), found=None)


@router.post("/reviews/{review_id}")
async def review(review_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Both persons side by side, and the comparison in words."""
    purpose = str((await request.form()).get("purpose", "")).strip()
    found = await apis.get("registry", f"/reviews/{review_id}", purpose=purpose)
    values = {"review_id": str(review_id), "found": found, "fields": FIELDS, "key": str(uuid4())}
    return render(request, "review.html", session, **values)


def _pair(ticked: str, verdict: str) -> dict[str, Any]:
    names = ("first_id", "second_id", "first_version", "second_version")
    parts = ticked.split(",")
    if len(parts) != len(names):
        raise Refused("request-not-valid", "Open the page again and repeat it.")
    return {"verdict": verdict, **dict(zip(names, parts, strict=True))}
