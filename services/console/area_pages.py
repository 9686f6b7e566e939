"""The pages of an area: its counts, and what is doubtful in its data."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from services.console.page import PageRoute, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.session import Signed

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Code = Annotated[str, Path(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")]
#: the country's provinces are no one office's business: whoever may see all begins in one
NATION = "*"


@router.get("/areas")
async def own_area(session: Signed) -> Response:
    """My own area first."""
    area = session.actor.area
    return RedirectResponse("/areas/31" if area == NATION else f"/areas/{area}", 303)


@router.get("/areas/{code}")
async def area(code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """How many people, of which need and desil, here and in each area below."""
    found = await apis.get("registry", f"/areas/{code}/counts")
    values: dict[str, Any] = {"above": _above(code, session.actor.area), "key": str(uuid4())}
    return render(request, "area.html", session, found=found, **values)


@router.get("/areas/{code}/quality")
async def quality(code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """What is wrong or doubtful in the data, each finding with its number."""
    return render(request, "quality.html", session, report=await apis.get("registry", f"/quality/{code}"))


@router.get("/areas/{code}/quality.xlsx")
async def quality_workbook(code: Code, session: Signed, apis: Apis) -> Response:
    """The report as a workbook."""
    return await apis.download("registry", f"/quality/{code}.xlsx")


@router.post("/areas/{code}/quality/{finding}")
async def finding(code: Code, finding: str, request: Request, session: Signed, apis: Apis) -> Response:
    """The list behind a finding, for a purpose that is written down."""
    form = await request.form()
    purpose, page = str(form.get("purpose", "")).strip(), max(1, whole(form, "page"))
    path = f"/quality/{code}/{finding}"
    found = await apis.get("registry", path, purpose=purpose, page=page, size=SIZE)
    values: dict[str, Any] = {"code": code, "finding": finding, "purpose": purpose, "page": page, "size": SIZE}
    return render(request, "finding.html", session, found=found, **values)


@router.post("/areas/{code}/export")
async def export(code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """Have the encrypted list of a kecamatan made."""
    form = await request.form()
    body = {name: str(form.get(name, "")) for name in ("purpose", "password")}
    await apis.post("registry", f"/areas/{code}/export", body, str(form.get("key", "")))
    return RedirectResponse("/exports", 303)


@router.get("/exports")
async def exports(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The lists that were made, and how far those are that I asked for."""
    found = await apis.get("registry", "/exports", page=page, size=SIZE)
    return render(request, "exports.html", session, items=found["items"], page=page, size=SIZE)


@router.get("/exports/{export_id}/file")
async def export_file(export_id: UUID, session: Signed, apis: Apis) -> Response:
    """The encrypted workbook."""
    return await apis.download("registry", f"/exports/{export_id}/file")


def _above(code: str, own: str) -> str | None:
    """The area around this one, if it is still the actor's."""
    outer = code.rpartition(".")[0]
    return outer if outer and (own == NATION or outer == own or outer.startswith(f"{own}.")) else None
