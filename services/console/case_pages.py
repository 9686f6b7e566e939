"""Cases and tasks: the caseload, the overview of a case, and what is to be done."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.console.case_page import case_page
from services.console.caseload_pages import RISKS, STAGES
from services.console.page import PageRoute, language, render, today, whole
from services.console.pages import Apis
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

SIZE = 20
Number = Annotated[int, Query(ge=1, le=10_000)]


#: what the list can be narrowed by, and its order; what is empty is not asked
_NARROWED = ("stage", "risk", "worker", "area", "q", "opened_from", "opened_to", "sort", "overdue", "closed")


@router.get("/cases")
async def cases(request: Request, session: Signed, apis: Apis) -> Response:
    """My caseload, or the office's: narrowed, ordered, page after page."""
    asked = {name: request.query_params.get(name, "").strip() for name in (*_NARROWED, "after")}
    wanted = {name: value for name, value in asked.items() if value}
    message, found = None, {"items": [], "total": 0, "more": False, "next": None}
    try:
        found = await apis.get("cases", "/cases", size=SIZE, **wanted)
    except Refused as no:
        if no.kind != "invalid":
            raise
        message = problem_text(language(request), no)
    query = urlencode({name: value for name, value in wanted.items() if name != "after"})
    shown = {"what": asked, "query": query, "message": message, "stages": STAGES, "risks": RISKS}
    return render(request, "cases.html", session, 422 if message else 200, **(found | shown))


@router.get("/cases/{case_id}")
async def case(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """A case: its stage, what is to be done in it, and the steps of its plan with their referrals."""
    whole_case = await apis.get("cases", f"/cases/{case_id}")
    return await case_page(request, session, apis, case_id, "case.html", whole=whole_case)


# -------------------------------------------------------------------- tasks


@router.get("/tasks")
async def tasks(
    request: Request, session: Signed, apis: Apis, whose: str = "mine", overdue: bool = False, page: Number = 1
) -> Response:
    """What I have to do; for a supervisor, the office too."""
    return await _tasks(request, session, apis, {"whose": whose, "overdue": overdue, "page": page})


@router.post("/tasks/{task_id}/finish")
async def finish_task(task_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """It is done."""
    form = await request.form()
    body = {"expected_version": whole(form, "expected_version", 0), "note": str(form.get("note") or "").strip()}
    try:
        await apis.post("cases", f"/tasks/{task_id}/finish", body, str(form.get("key", "")))
    except Refused as no:
        return await _tasks(request, session, apis, {"whose": "mine", "overdue": False, "page": 1}, no)
    return RedirectResponse("/tasks?done=finish", 303)


async def _tasks(
    request: Request, session: Session, apis: Services, what: dict[str, Any], no: Refused | None = None
) -> Response:
    found = await apis.get("cases", "/tasks", **what, size=SIZE)
    message = problem_text(language(request), no) if no else None
    shown = {"message": message, "done": request.query_params.get("done"), "key": str(uuid4()), "today": today()}
    return render(request, "tasks.html", session, STATUS[no.kind] if no else 200, **(found | what | shown), size=SIZE)
