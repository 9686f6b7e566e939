"""What is known about people and areas, over HTTP. No logic: each route calls a command or a query."""

import tempfile
from pathlib import Path as File
from typing import IO, Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.registry import aid, areas, desil, disability, exports, needs, organisations, payments, quality
from services.registry.quality_workbook import workbook
from services.registry.queries import Page
from services.registry.settings import RegistrySettings
from sinergi.app import Ctx, Key, Who, obey
from sinergi.problems import Refused

router = APIRouter()

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Code = Annotated[str, Path(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")]
#: 200,000 payments
LIST_BYTES = 20 * 1024**2
FindingCode = Annotated[str, Path(max_length=60)]
Purpose = Annotated[str, Query(min_length=3, max_length=200)]


class AboutList(BaseModel):
    """What a list of payments is about."""

    programme: str = Field(max_length=40)
    period: str = Field(max_length=10)
    giver: str = Field(pattern="^[a-z0-9-]{2,12}$")


# ----------------------------------------------------------------------- needs


@router.get("/categories")
async def categories(context: Ctx, who: Who) -> dict[str, Any]:
    """The PPKS categories and special groups."""
    async with context.db.begin(who) as tx:
        return await needs.categories(needs.ListCategories(), who, tx)


@router.get("/persons/{person_id}/needs")
async def needs_of(person_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """The categories of a person."""
    async with context.db.begin(who) as tx:
        return await needs.needs_of(needs.KnownOf(person_id=person_id, purpose=purpose), who, tx)


@router.post("/needs", status_code=201)
async def add_need(cmd: needs.AddNeed, context: Ctx, who: Who, key: Key = None) -> Any:
    """Put a person into a category."""
    return await obey(context, needs.add_need, cmd, who, key)


@router.post("/needs/end")
async def end_need(cmd: needs.EndNeed, context: Ctx, who: Who, key: Key = None) -> Any:
    """Take a person out of a category."""
    return await obey(context, needs.end_need, cmd, who, key)


# ---------------------------------------------------------- desil and disability


@router.get("/persons/{person_id}/desil")
async def desil_history(person_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """The desil of a person by period."""
    async with context.db.begin(who) as tx:
        return await desil.desil_history(needs.KnownOf(person_id=person_id, purpose=purpose), who, tx)


@router.get("/persons/{person_id}/disability")
async def disability_of(person_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """The disability of a person, with history."""
    async with context.db.begin(who) as tx:
        return await disability.disability_of(needs.KnownOf(person_id=person_id, purpose=purpose), who, tx)


@router.post("/disabilities", status_code=201)
async def set_disability(cmd: disability.SetDisability, context: Ctx, who: Who, key: Key = None) -> Any:
    """Write down what an assessment found."""
    return await obey(context, disability.set_disability, cmd, who, key)


@router.post("/disabilities/end")
async def end_disability(cmd: disability.EndDisability, context: Ctx, who: Who, key: Key = None) -> Any:
    """End what is written about one kind."""
    return await obey(context, disability.end_disability, cmd, who, key)


# ------------------------------------------------------------------------- aid


@router.get("/programmes")
async def programmes(context: Ctx, who: Who) -> dict[str, Any]:
    """The aid programmes with their cut-offs."""
    async with context.db.begin(who) as tx:
        return await desil.programmes(desil.ListProgrammes(), who, tx)


@router.get("/persons/{person_id}/aid")
async def aid_of(person_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """Who already gets what: a person, the household and its members."""
    async with context.db.begin(who) as tx:
        return await aid.aid_of(needs.KnownOf(person_id=person_id, purpose=purpose), who, tx)


@router.post("/aid", status_code=201)
async def record_aid(cmd: aid.RecordAid, context: Ctx, who: Who, key: Key = None) -> Any:
    """Write down aid that was given."""
    return await obey(context, aid.record_aid, cmd, who, key)


@router.post("/aid/withdraw")
async def withdraw_aid(cmd: aid.WithdrawAid, context: Ctx, who: Who, key: Key = None) -> Any:
    """Take a wrong entry back."""
    return await obey(context, aid.withdraw_aid, cmd, who, key)


@router.post("/aid/payments")
async def record_payments(cmd: payments.RecordPayments, context: Ctx, who: Who, key: Key = None) -> Any:
    """Write down up to 1,000 payments."""
    return await obey(context, payments.record_payments, cmd, who, key)


@router.post("/aid/lists", openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {}, XLSX: {}}}})
async def record_list(about: Annotated[AboutList, Query()], request: Request, context: Ctx, who: Who) -> dict[str, Any]:
    """Write down a list of payments: a CSV or XLSX as the request's body. It can be sent again after a failure."""
    who.must("aid.write")

    async def record(cmd: payments.RecordPayments) -> dict[str, Any]:
        answer: dict[str, Any] = await obey(context, payments.record_payments, cmd, who)
        return answer

    with tempfile.NamedTemporaryFile() as file:
        await _receive(request, file)
        limits = cast(RegistrySettings, context.settings).limits()
        return await payments.record_list(File(file.name), limits, about.model_dump(), record)


async def _receive(request: Request, file: IO[bytes]) -> None:
    """The body on disk, as long as it is not too large."""
    async for piece in request.stream():
        file.write(piece)
        if file.tell() > LIST_BYTES:
            raise Refused("file-too-large", f"A list of payments has at most {LIST_BYTES:,} bytes.")
    file.flush()


# --------------------------------------------------------------- organisations


@router.get("/organisations")
async def list_organisations(
    what: Annotated[organisations.ListOrganisations, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """The organisations (PSKS) of an area."""
    async with context.db.begin(who) as tx:
        return await organisations.list_organisations(what, who, tx)


@router.post("/organisations", status_code=201)
async def add_organisation(cmd: organisations.AddOrganisation, context: Ctx, who: Who, key: Key = None) -> Any:
    """Write an organisation down."""
    return await obey(context, organisations.add_organisation, cmd, who, key)


@router.post("/organisations/change")
async def change_organisation(cmd: organisations.ChangeOrganisation, context: Ctx, who: Who, key: Key = None) -> Any:
    """Change what is written about an organisation."""
    return await obey(context, organisations.change_organisation, cmd, who, key)


# ----------------------------------------------------------------------- areas


@router.get("/areas/{code}/counts")
async def counts(code: Code, context: Ctx, who: Who) -> dict[str, Any]:
    """Counts of an area, and of the areas just below."""
    async with context.db.begin(who) as tx:
        return await areas.counts(areas.CountsOf(code=code), who, tx)


@router.post("/areas/recount", status_code=202)
async def recount_area(cmd: areas.RecountArea, context: Ctx, who: Who, key: Key = None) -> Any:
    """Have an area counted anew."""
    return await obey(context, areas.recount_area, cmd, who, key)


@router.get("/areas/{code}/graduation")
async def list_graduates(
    code: Code, page: Annotated[quality.Leaving, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """Who may leave a programme."""
    what = quality.ListGraduates(code=code, **page.model_dump())
    async with context.db.begin(who) as tx:
        return await quality.list_graduates(what, who, tx)


# --------------------------------------------------------------------- exports


@router.post("/areas/{code}/export", status_code=202)
async def start_export(code: Code, asked: exports.AskedExport, context: Ctx, who: Who, key: Key = None) -> Any:
    """Have an encrypted list of the area's people made."""
    return await obey(context, exports.start_export, exports.StartExport(code=code, **dict(asked)), who, key)


@router.get("/exports")
async def list_exports(what: Annotated[Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The exports of your area."""
    async with context.db.begin(who) as tx:
        return await exports.list_exports(what, who, tx)


@router.get("/exports/{export_id}")
async def read_export(export_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """How far an export is."""
    async with context.db.begin(who) as tx:
        return await exports.read_export(exports.OneExport(export_id=export_id), who, tx)


@router.get("/exports/{export_id}/file")
async def download_export(export_id: UUID, context: Ctx, who: Who) -> StreamingResponse:
    """The encrypted workbook."""
    async with context.db.begin(who) as tx:
        file = await exports.open_file(exports.OneExport(export_id=export_id), who, tx)
    headers = {
        "Content-Disposition": f'attachment; filename="{file["filename"]}"',
        "Content-Length": str(file["bytes"]),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(exports.content_of(export_id, context.db), media_type=XLSX, headers=headers)


@router.get("/persons/{person_id}/exports")
async def exports_of(person_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """In which exports a person was."""
    async with context.db.begin(who) as tx:
        return await exports.exports_of(exports.ExportsOf(person_id=person_id), who, tx)


# --------------------------------------------------------------------- quality


@router.get("/quality/{code}.xlsx", response_class=Response)
async def quality_workbook(code: Code, context: Ctx, who: Who) -> Response:
    """The report as a workbook."""
    what = quality.ReportOf(code=code)
    async with context.db.begin(who) as tx:
        found, kelurahan = await quality.report(what, who, tx), await quality.by_kelurahan(what, who, tx)
    headers = {"Content-Disposition": f'attachment; filename="kualitas-{code}.xlsx"'}
    return Response(workbook(found, kelurahan), media_type=XLSX, headers=headers)


@router.get("/quality/{code}")
async def quality_report(code: Code, context: Ctx, who: Who) -> dict[str, Any]:
    """The data-quality report of an area."""
    async with context.db.begin(who) as tx:
        return await quality.report(quality.ReportOf(code=code), who, tx)


@router.get("/quality/{code}/{finding}")
async def list_finding(
    code: Code, finding: FindingCode, page: Annotated[quality.ForPurpose, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """The list behind a finding."""
    what = quality.ListFinding(code=code, finding=finding, **page.model_dump())
    async with context.db.begin(who) as tx:
        return await quality.list_finding(what, who, tx)
