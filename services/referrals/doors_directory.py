"""The directory over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response, UploadFile

from services.referrals import (
    asking,
    directory_commands,
    directory_queries,
    gaps,
    replaying,
    workbook,
    workbook_import,
)
from services.referrals.bodies import body_of, with_path
from services.referrals.codes import AgencyCode, ServiceCode
from services.referrals.directory_requests import (
    CloseService,
    FindGaps,
    FindServices,
    ListAgencies,
    ListDesks,
    ListServices,
    OpenService,
    PutDesk,
    SetCapacity,
)
from services.referrals.requests import PutAgency, PutService
from services.referrals.turn import Answer
from services.referrals.workbook_reading import read_workbook
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DeskCode = Annotated[str, Path(pattern=r"^[a-z0-9-]{2,40}$")]
AgencyBody, ServiceBody, DeskBody = body_of(PutAgency, "code"), body_of(PutService, "code"), body_of(PutDesk, "code")
ReplayBody = body_of(replaying.ReplayFacts, "agency")
CapacityBody, CloseBody, OpenBody = (
    body_of(SetCapacity, "code"),
    body_of(CloseService, "code"),
    body_of(OpenService, "code"),
)


def _file(content: bytes, name: str) -> Response:
    return Response(content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# ------------------------------------------------------------------- entries


@router.put("/directory/agencies/{code}", response_model=directory_commands.Entered)
async def put_agency(
    code: AgencyCode,
    body: AgencyBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter or change an agency."""
    return await obey(context, directory_commands.put_agency, with_path(PutAgency, body, code=code), who, key)


@router.put("/directory/desks/{agency}/{desk}", response_model=directory_commands.Entered)
async def put_desk(
    agency: AgencyCode,
    desk: DeskCode,
    body: DeskBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter or change a desk of an agency."""
    given = with_path(PutDesk, body, code=f"{agency}/{desk}")
    return await obey(context, directory_commands.put_desk, given, who, key)


@router.put("/directory/services/{code}", response_model=directory_commands.Entered)
async def put_service(
    code: ServiceCode,
    body: ServiceBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter or change a service that an agency's desk offers."""
    return await obey(context, directory_commands.put_service, with_path(PutService, body, code=code), who, key)


@router.post("/directory/services/{code}/capacity", response_model=Answer)
async def set_capacity(
    code: ServiceCode,
    body: CapacityBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Say how many a service takes."""
    return await obey(context, directory_commands.set_capacity, with_path(SetCapacity, body, code=code), who, key)


@router.post("/directory/services/{code}/close", response_model=Answer)
async def close_service(
    code: ServiceCode,
    body: CloseBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Close a service for a time."""
    return await obey(context, directory_commands.close_service, with_path(CloseService, body, code=code), who, key)


@router.post("/directory/services/{code}/open", response_model=Answer)
async def open_service(
    code: ServiceCode,
    body: OpenBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Open a service again."""
    return await obey(context, directory_commands.open_service, with_path(OpenService, body, code=code), who, key)


@router.post("/directory/agencies/{code}/replay")
async def replay_facts(
    code: AgencyCode,
    body: ReplayBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
) -> dict[str, Any]:
    """Give an agency its facts again, from a moment on."""
    given = with_path(replaying.ReplayFacts, body, agency=code)
    return await replaying.replay_facts(given, who, context)


# ------------------------------------------------------------------- reading


@router.get("/directory/needs")
async def list_needs(context: Ctx, who: Who) -> dict[str, Any]:
    """The needs that a service may be for."""
    async with context.db.begin(who) as tx:
        return await directory_queries.list_needs(directory_queries.ListNeeds(), who, tx)


@router.get("/directory/agencies")
async def list_agencies(what: Annotated[ListAgencies, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The agencies."""
    async with context.db.begin(who) as tx:
        return await directory_queries.list_agencies(what, who, tx)


@router.get("/directory/desks")
async def list_desks(what: Annotated[ListDesks, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The desks."""
    async with context.db.begin(who) as tx:
        return await directory_queries.list_desks(what, who, tx)


@router.get("/directory/services")
async def list_services(what: Annotated[ListServices, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The services that agencies offer."""
    async with context.db.begin(who) as tx:
        return await directory_queries.list_services(what, who, tx)


@router.get("/directory/services/{code}")
async def read_service(code: ServiceCode, context: Ctx, who: Who) -> dict[str, Any]:
    """One service, with its rules in words and its room now."""
    async with context.db.begin(who) as tx:
        return await directory_queries.read_service(code, who, tx)


@router.post("/directory/find")
async def find_services(what: FindServices, context: Ctx, who: Who) -> dict[str, Any]:
    """Who can help with a need here, best first; a POST, so that no client's id stands in a URL."""
    return await asking.found(context, what, who)


@router.get("/directory/gaps")
async def find_gaps(what: Annotated[FindGaps, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Needs that nobody serves, or nobody with room, by area."""
    async with context.db.begin(who) as tx:
        return await gaps.find_gaps(what, who, tx)


# ----------------------------------------------------------------- workbooks


@router.get("/directory/gaps.xlsx")
async def gaps_workbook(what: Annotated[FindGaps, Query()], context: Ctx, who: Who) -> Response:
    """The gaps as a workbook."""
    async with context.db.begin(who) as tx:
        found = await gaps.all_gaps(what, who, tx)
    return _file(workbook.of_gaps(found), "celah-layanan.xlsx")


@router.get("/directory/workbook.xlsx")
async def export_directory(context: Ctx, who: Who) -> Response:
    """The whole directory as a workbook, as it can be handed in again."""
    async with context.db.begin(who) as tx:
        found = await workbook.read_directory(workbook.ExportDirectory(), who, tx)
    return _file(workbook.of_directory(found), "direktori-layanan.xlsx")


@router.post("/directory/workbook")
async def import_directory(
    file: UploadFile, context: Ctx, who: Who, dry_run: Annotated[bool, Form()] = False
) -> dict[str, Any]:
    """Hand a workbook in: the good rows go in, the bad ones are told with sheet, row, column and rule."""
    who.must("directory.write")
    sheets = await read_workbook(file)
    return await workbook_import.hand_in(context, sheets, who, dry_run=dry_run)
