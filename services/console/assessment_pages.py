"""The assessments of a case: choose an instrument, fill it in by its form, see the result, and the change over time."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.assessment_forms import answers_of, mistakes_of, shown, typed_answers, typed_remarks
from services.console.case_page import case_page
from services.console.charts import line_of
from services.console.page import PageRoute, language, whole
from services.console.pages import SIZE, Apis, Number
from services.console.services import Services
from services.console.session import Signed
from sinergi.problems import Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


@router.get("/cases/{case_id}/assessments")
async def assessments(case_id: UUID, request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The instruments that fit, what was assessed, and how it changed."""
    lang = language(request)
    card = await apis.get("cases", f"/cases/{case_id}/card")
    path = f"/cases/{case_id}/assessments"
    found = await apis.get("cases", path, lang=lang, page=page, size=SIZE)
    offered = await apis.get("cases", "/instruments", client_kind=card["served_as"], lang=lang)
    changes = await apis.get("cases", f"{path}/changes", lang=lang)
    for domain in (one for instrument in changes["items"] for one in instrument["domains"]):
        domain["line"] = line_of(domain["measured"])
    values = {"offered": offered["items"], "changes": changes["items"], "page": page, "size": SIZE}
    return await case_page(request, session, apis, case_id, "assessments.html", **found, **values)


@router.get("/cases/{case_id}/assessments/fill/{code}")
async def fill(case_id: UUID, code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """The instrument's form, with what was saved before."""
    instrument = await apis.get("cases", f"/instruments/{code}", lang=language(request))
    draft = await _draft(apis, case_id, code)
    values = {"answers": shown(draft["answers"]), "remarks": draft["remarks"], "draft_version": draft["version"]}
    more = {"instrument": instrument, "mistakes": {}, "left_out": draft["left_out"]}
    return await case_page(request, session, apis, case_id, "assessment_form.html", **values, **more)


@router.post("/cases/{case_id}/assessments/fill/{code}")
async def filled(case_id: UUID, code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """Save what is filled in so far, or submit it; a refusal stands beside the items, and what was typed stays."""
    form = await request.form()
    instrument = await apis.get("cases", f"/instruments/{code}", lang=language(request))
    typed, remarks = typed_answers(instrument, form), typed_remarks(instrument, form)
    body = {"instrument": code, "version": whole(form, "instrument_version"), "remarks": remarks}
    path = f"/cases/{case_id}/assessments"
    try:
        body["answers"] = answers_of(instrument, typed)
        return RedirectResponse(await _send(apis, path, code, body, form), 303)
    except Refused as no:
        if no.kind == "forbidden":
            raise
        values = {"answers": typed, "remarks": remarks, "draft_version": whole(form, "draft_version", 0)}
        more = {"instrument": instrument, "mistakes": mistakes_of(no), "left_out": [], "key": str(uuid4())}
        return await case_page(request, session, apis, case_id, "assessment_form.html", no, **values, **more)


@router.get("/cases/{case_id}/assessments/{assessment_id}")
async def assessment(case_id: UUID, assessment_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """One assessment: the risk, because of what, and the whole working."""
    path = f"/cases/{case_id}/assessments/{assessment_id}"
    found = await apis.get("cases", path, lang=language(request))
    return await case_page(request, session, apis, case_id, "assessment.html", found=found)


async def _send(apis: Services, path: str, code: str, body: dict[str, Any], form: FormData) -> str:
    """Give the command that the pressed button names; returns the page that follows."""
    key = str(form.get("key", ""))
    if form.get("do") == "save":
        await apis.put("cases", f"{path}/draft", body | {"expected_version": whole(form, "draft_version", 0)}, key)
        return f"{path}/fill/{code}?done=save_draft"
    made = await apis.post("cases", path, body | {"expected_version": whole(form, "expected_version")}, key)
    return f"{path}/{made['assessment_id']}?done=assess"


async def _draft(apis: Services, case_id: UUID, code: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await apis.get("cases", f"/cases/{case_id}/assessments/draft", instrument=code)
    except Refused as no:
        if no.kind != "not-found":
            raise
        return {"answers": {}, "remarks": {}, "version": 0, "left_out": []}
    return found
