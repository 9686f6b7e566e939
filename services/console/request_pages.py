"""The pages of change requests: propose one for a person, see who waits for my decision, decide."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.page import PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: the fields that a request may change, in the order of the form
FIELDS = ("name", "nik", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw")
ANSWERS = ("approve", "reject", "object", "withdraw")


@router.get("/requests")
async def requests(request: Request, session: Signed, apis: Apis, mine: bool = True, page: Number = 1) -> Response:
    """The queue: those before my tier, or all that are open in my area."""
    found = await apis.get("registry", "/requests", mine=mine, page=page, size=SIZE)
    return render(request, "requests.html", session, **found, mine=mine, page=page, size=SIZE)


@router.post("/requests/{request_id}")
async def one_request(request_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Open one, for a purpose that is written down."""
    purpose = _text(await request.form(), "purpose")
    return await _request(request, session, apis, request_id, purpose)


@router.post("/requests/{request_id}/{answer}")
async def decide(request_id: UUID, answer: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Decide; a refusal is shown above the request as it stands now."""
    if answer not in ANSWERS:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body = {"expected_version": whole(form, "expected_version"), "reason": _text(form, "reason")}
    try:
        await apis.post("registry", f"/requests/{request_id}/{answer}", body, _text(form, "key"))
    except Refused as no:
        return await _request(request, session, apis, request_id, _text(form, "purpose"), no)
    return RedirectResponse("/requests", 303)


@router.post("/people/{person_id}/propose")
async def propose(person_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Propose a change of the fields that were filled in."""
    form = await request.form()
    fields = {name: value for name in FIELDS if (value := _text(form, name))}
    body = {"fields": fields, "reason": _text(form, "reason")}
    if evidence := _text(form, "evidence"):
        body["evidence"] = evidence
    try:
        await apis.post("registry", f"/persons/{person_id}/requests", body, _text(form, "key"))
    except Refused as no:
        purpose = _text(form, "purpose")
        person = await apis.get("registry", f"/persons/{person_id}", purpose=purpose)
        values = {"person": person, "purpose": purpose, "fields": FIELDS, "key": str(uuid4()), "typed": fields}
        message = problem_text(language(request), no)
        return render(request, "person.html", session, STATUS[no.kind], message=message, **values)
    return RedirectResponse("/requests?mine=false", 303)


async def _request(
    request: Request, session: Session, apis: Services, request_id: UUID, purpose: str, no: Refused | None = None
) -> Response:
    found = await apis.get("registry", f"/requests/{request_id}", purpose=purpose)
    values: dict[str, Any] = {"found": found, "purpose": purpose, "key": str(uuid4()), "answers": ANSWERS}
    message = problem_text(language(request), no) if no else None
    return render(request, "request.html", session, STATUS[no.kind] if no else 200, message=message, **values)


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()
