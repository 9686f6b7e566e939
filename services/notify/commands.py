"""What can be done with messages: post them, read them off, and say where they are mailed to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import bindparam, case, func, select, text
from sqlalchemy.dialects.postgresql import insert

from services.notify.models import CaseWorkers, Contact, Delivery, Message, readable_by
from sinergi.auth import Actor, permit
from sinergi.db import Tx, found, new_id
from sinergi.events import MessagePosted

_ROLE = func.split_part(Message.recipient, "/", 2)
_WAITING = (
    select(Message, case((_ROLE == "worker", CaseWorkers.worker), else_=CaseWorkers.supervisor))
    .join(CaseWorkers, Message.recipient == "case:" + CaseWorkers.case_id + "/" + _ROLE)
    .where(Message.recipient.like(text("'case:%'")))
    .limit(bindparam("batch"))
    .with_for_update(of=Message, skip_locked=True)
)
#: messages that wait for their case to be known, addressed at most so many at a time
BATCH = 100


class Command(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What every command answers."""

    id: str
    version: int
    state: str


class PostNotice(Command):
    """Tell these recipients this; once for each event and recipient, however often it is asked."""

    event_id: UUID
    recipients: list[str]
    kind: str
    title: str
    text: str
    link: str


class RememberCase(Command):
    """Who works and who supervises a case, as recipients."""

    case_id: str
    worker: str
    supervisor: str


class AddressWaiting(Command):
    """Give messages to the people of cases that became known after the messages had come."""


class SetContact(Command):
    """Mail this recipient's messages to this address."""

    recipient: Annotated[
        str, StringConstraints(pattern=r"^(user:[^/:\s]{1,100}|desk:[a-z0-9-]{2,12}/[a-z0-9-]{1,60})$")
    ]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]


class MarkRead(Command):
    """The message was read."""

    id: UUID


@permit("notice.post")
async def post_notice(cmd: PostNotice, actor: Actor, tx: Tx) -> list[UUID]:
    """Put a message into each recipient's inbox; returns the ids of the new ones."""
    wanted = [await _resolve(tx, one) for one in dict.fromkeys(cmd.recipients)]
    have = await tx.session.scalars(select(Message.recipient).where(Message.event_id == cmd.event_id))
    fields = cmd.model_dump(exclude={"recipients"})
    new = [
        Message(id=new_id(), version=0, recipient=one, **fields)
        for one in dict.fromkeys(wanted)
        if one not in set(have)
    ]
    tx.add(*new)
    await tx.session.flush()
    await _announce(tx, [message for message in new if not message.recipient.startswith("case:")])
    return [message.id for message in new]


@permit("notice.post")
async def remember_case(cmd: RememberCase, actor: Actor, tx: Tx) -> None:
    """Keep who works a case, so that a referral's answer finds its worker."""
    row = insert(CaseWorkers).values(cmd.model_dump())
    await tx.session.execute(row.on_conflict_do_update(index_elements=["case_id"], set_=cmd.model_dump()))


@permit("notice.post")
async def address_waiting(cmd: AddressWaiting, actor: Actor, tx: Tx) -> int:
    """Address messages that wait for their case; returns how many.

    Cases and referrals come on two streams, so that an answer may overtake the case it belongs to.
    """
    rows = (await tx.session.execute(_WAITING, {"batch": BATCH})).all()
    for message, person in rows:
        twin = select(Message.id).where(Message.event_id == message.event_id, Message.recipient == person)
        if await tx.session.scalar(twin):  # worker and supervisor are one person
            await tx.session.delete(message)
            continue
        message.recipient = person
        await _announce(tx, [message])
        await tx.session.flush()
    return len(rows)


@permit("contact.write")
async def set_contact(cmd: SetContact, actor: Actor, tx: Tx) -> Answer:
    """Set or change a recipient's address."""
    row = insert(Contact).values(cmd.model_dump())
    await tx.session.execute(row.on_conflict_do_update(index_elements=["recipient"], set_=cmd.model_dump()))
    return Answer(id=cmd.recipient, version=0, state="set")


@permit("inbox.mark_read")
async def mark_read(cmd: MarkRead, actor: Actor, tx: Tx) -> Answer:
    """Take the message off the unread ones; the first to read it at a desk is written down."""
    row = select(Message).where(Message.id == cmd.id, readable_by(actor)).with_for_update()
    message = found(await tx.session.scalar(row), Message)
    if message.read_at is None:
        message.read_at, message.read_by = datetime.now(UTC), actor.id
    return Answer(id=str(message.id), version=message.version, state="read")


async def _resolve(tx: Tx, recipient: str) -> str:
    """`case:<id>/<role>` as the recipient it is; unchanged as long as the case is not known."""
    if not recipient.startswith("case:"):
        return recipient
    case_id, role = recipient.removeprefix("case:").rsplit("/", 1)
    people = await tx.session.get(CaseWorkers, case_id)
    return str(getattr(people, role)) if people else recipient


async def _announce(tx: Tx, messages: Sequence[Message]) -> None:
    """Tell that the messages are there, and mail them to those who have an address."""
    recipients = [message.recipient for message in messages]
    contacts = await tx.session.execute(
        select(Contact.recipient, Contact.email).where(Contact.recipient.in_(recipients))
    )
    emails: dict[str, str] = {row.recipient: row.email for row in contacts}
    for message in messages:
        fact = MessagePosted(message_id=str(message.id), recipient=message.recipient, kind=message.kind)
        tx.emit(fact, of=message)
        if email := emails.get(message.recipient):
            tx.add(Delivery(id=new_id(), message_id=message.id, email=email, tries=0, state="waiting"))
