"""Notify's tables: messages, the addresses they are mailed to, and the mails on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, ForeignKey, Index, Text, UniqueConstraint, func, or_
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sinergi.auth import Actor
from sinergi.permissions import Role

#: the desks that all of a role share in their agency; a head of office mostly reads by mail (`contacts`)
SHARED_DESKS = {Role.OPERATOR: ("data",), Role.SUPERVISOR: ("supervisor", "head")}


class Base(DeclarativeBase):
    """Notify's own tables."""

    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}  # noqa: RUF012 (SQLAlchemy's way)


class Message(Base):
    """A message in an inbox. `recipient` is `user:<sub>`, `desk:<agency>/<desk>`, or `case:<id>/<role>` as long as
    the case is not known here yet. Its texts hold codes and numbers, never a person's data."""

    __tablename__ = "messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    event_id: Mapped[UUID]
    recipient: Mapped[str]
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    link: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    read_by: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("event_id", "recipient"),
        Index("messages_inbox", "recipient", "id", postgresql_ops={"recipient": "text_pattern_ops"}),
        Index("messages_unread", "recipient", postgresql_where=sql("read_at IS NULL")),
        Index(
            "messages_unaddressed",
            "recipient",
            postgresql_where=sql("recipient LIKE 'case:%'"),
        ),
    )


class CaseWorkers(Base):
    """Who works a case and who supervises it, as recipients: a copy, kept up to date by the facts about cases."""

    __tablename__ = "case_workers"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    worker: Mapped[str]
    supervisor: Mapped[str]


class Contact(Base):
    """Where a recipient's messages are mailed to."""

    __tablename__ = "contacts"

    recipient: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]


class Delivery(Base):
    """One mail. `state` is waiting, sent or failed. A sender takes it by moving `due_at` on and counting `tries` up:
    if it dies, another takes it when `due_at` has come; what it writes at the end counts only for its own try."""

    __tablename__ = "deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"), index=True)
    email: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    problem: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        Index("deliveries_due", "due_at", postgresql_where=sql("state = 'waiting'")),
        Index("deliveries_state", "state", "id"),
    )


def readable_by(actor: Actor) -> ColumnElement[bool]:
    """The messages that the actor may read: its own, and those of the desks that its role shares in its agency."""
    readable = [Message.recipient == f"user:{actor.id}"]
    if actor.role is Role.DESK_OFFICER:
        readable.append(Message.recipient.startswith(f"desk:{actor.agency}/", autoescape=True))
    for shared in SHARED_DESKS.get(actor.role, ()):
        readable.append(Message.recipient == f"desk:{actor.agency}/{shared}")
    return or_(*readable)
