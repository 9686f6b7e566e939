"""What can be asked of notify: my inbox, and how the mails fare."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from services.notify.models import Delivery, Message, readable_by
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class Page(BaseModel):
    """Which page: 1 is the first; at most 100 rows."""

    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 20

    def cut(self, rows: Any) -> Any:
        """The select, for this page only."""
        return rows.offset((self.page - 1) * self.size).limit(self.size)


class AskInbox(Page):
    """My messages; with `unread`, only those that nobody has read."""

    unread: bool = False


class AskDeliveries(Page):
    """Mails in this state."""

    state: Literal["waiting", "sent", "failed"] = "failed"


class Item(BaseModel):
    """One message as its reader sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    kind: str
    title: str
    text: str
    link: str
    read_at: datetime | None


class Inbox(BaseModel):
    """A page of messages, newest first; how many there are, and how many of them are unread."""

    items: list[Item]
    total: int
    unread: int


class Mail(BaseModel):
    """One mail as the operator sees it: without its address and its text."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    message_id: UUID
    recipient: str
    state: str
    tries: int
    due_at: datetime
    problem: str | None
    created_at: datetime
    sent_at: datetime | None


class Mails(BaseModel):
    """A page of mails, newest first."""

    items: list[Mail]
    total: int


@permit("inbox.read")
async def read_inbox(ask: AskInbox, actor: Actor, tx: Tx) -> Inbox:
    """The actor's messages."""
    mine = readable_by(actor)
    unread = select(func.count()).select_from(Message).where(mine, Message.read_at.is_(None))
    unread_count = await tx.session.scalar(unread) or 0
    if ask.unread:
        mine, total = mine & Message.read_at.is_(None), unread_count
    else:
        total = await tx.session.scalar(select(func.count()).select_from(Message).where(mine)) or 0
    rows = await tx.session.scalars(ask.cut(select(Message).where(mine).order_by(Message.id.desc())))
    return Inbox(items=[Item.model_validate(row) for row in rows], total=total, unread=unread_count)


@permit("delivery.read")
async def read_deliveries(ask: AskDeliveries, actor: Actor, tx: Tx) -> Mails:
    """The mails in a state: what failed is seen here."""
    here = Delivery.state == ask.state
    total = await tx.session.scalar(select(func.count()).select_from(Delivery).where(here)) or 0
    rows = await tx.session.execute(
        ask.cut(
            select(*Delivery.__table__.c, Message.recipient)
            .join(Message, Message.id == Delivery.message_id)
            .where(here)
            .order_by(Delivery.id.desc())
        )
    )
    return Mails(items=[Mail.model_validate(row) for row in rows], total=total)
