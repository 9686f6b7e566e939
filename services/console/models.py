"""Console's tables: built-in users, their sessions, the issuer's keys, and the tries to sign in."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Console's own tables."""

    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's way)
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class User(Base):
    """A built-in user. `sub` is the opaque id by which all other services know it; its name stays here."""

    __tablename__ = "users"

    sub: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    agency: Mapped[str]
    area: Mapped[str]


class SessionRow(Base):
    """A signed-in browser. The cookie's value is not kept, only its SHA-256."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(ForeignKey("users.sub", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    token: Mapped[str]
    token_expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SigningKey(Base):
    """An Ed25519 key of the issuer, as a JWK with its private part. The newest signs, all are published."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    jwk: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginTry(Base):
    """A try to sign in that has not succeeded. The name is kept as a SHA-256: people type passwords into it."""

    __tablename__ = "login_tries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name_digest: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("login_tries_name", "name_digest", "at"),)
