"""A page of a case: its head, the way to its other pages, and what a room of casework shows in it."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.console.page import language, render, today
from services.console.services import Services
from services.console.session import Session
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

#: the pages of a case in the order of its path: (last part of the address, key of its text)
CASE_PAGES: list[tuple[str, str]] = [
    ("", "case_overview"),
    ("assessments", "assessments"),
    ("notes", "case_notes"),
    ("placement", "placement"),
    ("client", "case_client"),
    ("transfer", "case_transfer"),
    ("obstacles", "obstacles"),
    ("closure", "case_closure"),
    ("history", "case_history"),
    ("assign", "case_assign"),
    ("plan", "case_plan"),
]


async def case_page(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    template: str,
    no: Refused | None = None,
    **values: Any,
) -> HTMLResponse:
    """The template with the case's card; with a refusal, above what was typed (`typed` in `values`).

    The template extends `_case.html`. `key` is new each time: a form that is sent twice is one command.
    """
    shown = {
        "case": await apis.get("cases", f"/cases/{case_id}/card"),
        "pages": CASE_PAGES,
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "typed": {},
        "key": str(uuid4()),
        "today": today(),
    }
    return render(request, template, session, STATUS[no.kind] if no else 200, **(shown | values))
