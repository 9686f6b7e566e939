"""Notify's HTTP door."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ValidationError

from services.notify import commands, queries
from sinergi.app import Ctx, Key, Who, obey
from sinergi.problems import Refused

router = APIRouter()


class Email(BaseModel):
    """A recipient's address."""

    email: str


@router.put("/contacts/{recipient}")
async def set_contact(recipient: str, body: Email, who: Who, context: Ctx, key: Key = None) -> Any:
    """Mail the messages of `user:<sub>` or `desk:<agency>:<desk>` to this address."""
    kind, _, rest = recipient.partition(":")
    try:
        cmd = commands.SetContact(recipient=f"{kind}:{rest.replace(':', '/')}", email=body.email)
    except ValidationError as wrong:
        fields = [str(one["loc"][0]) for one in wrong.errors()]
        raise Refused("contact-not-valid", f"Not as it must be: {', '.join(fields)}.", fields=fields) from None
    return await obey(context, commands.set_contact, cmd, who, key)


@router.get("/inbox")
async def read_inbox(ask: Annotated[queries.AskInbox, Query()], who: Who, context: Ctx) -> queries.Inbox:
    """My messages, newest first."""
    async with context.db.begin(who) as tx:
        return await queries.read_inbox(ask, who, tx)


@router.post("/inbox/{message_id}/read")
async def mark_read(message_id: UUID, who: Who, context: Ctx, key: Key = None) -> Any:
    """I have read it."""
    return await obey(context, commands.mark_read, commands.MarkRead(id=message_id), who, key)


@router.get("/deliveries")
async def read_deliveries(ask: Annotated[queries.AskDeliveries, Query()], who: Who, context: Ctx) -> queries.Mails:
    """Mails by state, for the operator."""
    async with context.db.begin(who) as tx:
        return await queries.read_deliveries(ask, who, tx)
