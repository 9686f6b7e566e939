"""Ways in over HTTP: reports, opening a case, unknown clients, transfers. No logic: each calls a command or a query."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import (
    intake,
    intake_queries,
    joining,
    opening,
    queries,
    transfer_queries,
    transfers,
    unknown,
)
from services.cases.ways_in import ways_in
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["intake"])

# ------------------------------------------------------------------ reports


@router.post("/intake", status_code=201)
async def receive_intake(body: intake.ReceiveIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """Enter a report."""
    return await obey(context, intake.receive_intake, body, who, key)


@router.get("/intake")
async def list_intakes(what: Annotated[intake_queries.ListIntakes, Query()], who: Who, context: Ctx) -> Any:
    """The office's queue, or what I brought in."""
    async with context.db.begin(who) as tx:
        return await intake_queries.list_intakes(what, who, tx)


@router.get("/intake/screening")
async def read_screening(who: Who, context: Ctx) -> Any:
    """The questions about risk to life."""
    async with context.db.begin(who) as tx:
        return await intake_queries.read_screening(intake_queries.ReadScreening(), who, tx)


@router.get("/intake/{intake_id}")
async def read_intake(intake_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "intake") -> Any:
    """One report."""
    async with context.db.begin(who) as tx:
        what = intake_queries.ReadIntake(intake_id=intake_id, purpose=purpose)
        return await intake_queries.read_intake(what, who, tx)


@router.post("/intake/{intake_id}/screen")
async def screen_intake(intake_id: UUID, body: intake.ScreenIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """Answer the questions."""
    return await obey(context, intake.screen_intake, _report(body, intake_id), who, key)


@router.post("/intake/{intake_id}/take-up")
async def take_up_intake(intake_id: UUID, body: intake.TakeUpIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """Make it a case."""
    return await obey(context, intake.take_up_intake, _report(body, intake_id), who, key)


@router.post("/intake/{intake_id}/join")
async def join_intake(intake_id: UUID, body: intake.JoinIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """It belongs to an open case."""
    return await obey(context, intake.join_intake, _report(body, intake_id), who, key)


@router.post("/intake/{intake_id}/refer-on")
async def refer_intake_on(intake_id: UUID, body: intake.ReferOnIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """Another regency sees to it."""
    return await obey(context, intake.refer_intake_on, _report(body, intake_id), who, key)


@router.post("/intake/{intake_id}/close")
async def close_intake(intake_id: UUID, body: intake.CloseIntake, who: Who, context: Ctx, key: Key = None) -> Any:
    """No case comes of it."""
    return await obey(context, intake.close_intake, _report(body, intake_id), who, key)


# -------------------------------------------------------------------- cases


@router.post("/cases", status_code=201)
async def open_case(body: opening.OpenCase, who: Who, context: Ctx, key: Key = None) -> Any:
    """Take up a case."""
    return await obey(context, opening.open_case, body, who, key)


@router.post("/cases/{case_id}/offer", status_code=201)
async def offer_information(
    case_id: UUID, body: opening.OfferInformation, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Tell the holder of the case what I know."""
    return await obey(context, opening.offer_information, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/cases/{case_id}/unknown-client")
async def read_unknown_client(case_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "casework") -> Any:
    """What was seen of a client without an identity."""
    async with context.db.begin(who) as tx:
        return await unknown.read_unknown_client(queries.ReadCase(case_id=case_id, purpose=purpose), who, tx)


@router.post("/cases/{case_id}/client")
async def bind_client(case_id: UUID, body: unknown.BindClient, who: Who, context: Ctx, key: Key = None) -> Any:
    """The client is this person of the registry."""
    return await obey(context, unknown.bind_client, body.model_copy(update={"case_id": case_id}), who, key)


@router.post("/cases/{case_id}/join")
async def join_case(case_id: UUID, body: joining.JoinCase, who: Who, context: Ctx, key: Key = None) -> Any:
    """Another case of the same client goes on in its place."""
    return await obey(context, joining.join_case, body.model_copy(update={"case_id": case_id}), who, key)


# ---------------------------------------------------------------- transfers


@router.post("/cases/{case_id}/transfers", status_code=201)
async def propose_transfer(
    case_id: UUID, body: transfers.ProposeTransfer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Ask the supervisor to offer the case to another office."""
    return await obey(context, transfers.propose_transfer, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/cases/{case_id}/transfers")
async def list_transfers_of_case(case_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "transfer") -> Any:
    """Where the case was and where it may go."""
    async with context.db.begin(who) as tx:
        what = queries.ReadCase(case_id=case_id, purpose=purpose)
        return await transfer_queries.list_transfers_of_case(what, who, tx)


@router.get("/transfers")
async def list_transfers(what: Annotated[transfer_queries.ListTransfers, Query()], who: Who, context: Ctx) -> Any:
    """What waits: coming to my office, or leaving it."""
    async with context.db.begin(who) as tx:
        return await transfer_queries.list_transfers(what, who, tx)


@router.get("/transfers/{transfer_id}")
async def read_transfer(transfer_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "transfer") -> Any:
    """One transfer."""
    async with context.db.begin(who) as tx:
        what = transfer_queries.ReadTransfer(transfer_id=transfer_id, purpose=purpose)
        return await transfer_queries.read_transfer(what, who, tx)


@router.post("/transfers/{transfer_id}/offer")
async def offer_transfer(
    transfer_id: UUID, body: transfers.OfferTransfer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Let the other office decide, within working days of the sender's place."""
    days = ways_in().transfer.answer_working_days
    due = context.calendar.after(datetime.now(UTC), days, who.area)
    named = body.model_copy(update={"transfer_id": transfer_id, "answer_by": due})
    return await obey(context, transfers.offer_transfer, named, who, key)


@router.post("/transfers/{transfer_id}/accept")
async def accept_transfer(
    transfer_id: UUID, body: transfers.AcceptTransfer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Take the case over."""
    return await obey(context, transfers.accept_transfer, _transfer(body, transfer_id), who, key)


@router.post("/transfers/{transfer_id}/refuse")
async def refuse_transfer(
    transfer_id: UUID, body: transfers.RefuseTransfer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Say no, and why."""
    return await obey(context, transfers.refuse_transfer, _transfer(body, transfer_id), who, key)


@router.post("/transfers/{transfer_id}/withdraw")
async def withdraw_transfer(
    transfer_id: UUID, body: transfers.WithdrawTransfer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Think better of it."""
    return await obey(context, transfers.withdraw_transfer, _transfer(body, transfer_id), who, key)


def _report(body: intake.OnIntake, intake_id: UUID) -> intake.OnIntake:
    """The command on the report that the path names."""
    return body.model_copy(update={"intake_id": intake_id})


def _transfer(body: transfers.OnTransfer, transfer_id: UUID) -> transfers.OnTransfer:
    """The command on the transfer that the path names."""
    return body.model_copy(update={"transfer_id": transfer_id})
