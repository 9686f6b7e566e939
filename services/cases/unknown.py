"""Clients whom nobody has identified yet: what is seen of them, and binding their case to a person of the registry.

No NIK is normal (DOMAIN.md, "Identity"). An unknown client is a case's client of kind `unknown`, with an id of this
service; in facts it is a person, provisionally. Referrals need a person of the registry: a provisional one will do.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.exc import IntegrityError

from services.cases.casefile import own_case, readable_case, record, told
from services.cases.commands import Answer, OnCase
from services.cases.intake_models import UnknownClient
from services.cases.models import Base, Case
from services.cases.opening_rules import already_open
from services.cases.plans import Text, Words
from services.cases.queries import ReadCase
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseClientBound
from sinergi.problems import Refused

Line = Annotated[Text, StringConstraints(max_length=200)]


class DescribedClient(BaseModel):
    """What is seen of somebody without an identity, in words; at least the description. Ages are guesses, in years."""

    model_config = ConfigDict(extra="forbid")
    description: Words
    nickname: Line = ""
    sex: Literal["L", "P"] | None = None
    age_from: int | None = Field(None, ge=0, le=120)
    age_to: int | None = Field(None, ge=0, le=120)
    marks: Text = ""
    skot_number: Line = ""

    @model_validator(mode="after")
    def _ages_in_order(self) -> "DescribedClient":
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise ValueError("age_from is not above age_to")
        return self


class BindClient(OnCase):
    """The unknown client is this person of the registry."""

    client_id: UUID


def describe(seen: DescribedClient, actor: Actor, tx: Tx) -> UnknownClient:
    """Keep what is seen of somebody."""
    unknown = UnknownClient(id=new_id(), noted_by=actor.id, bound_to=None, bound_at=None, **seen.model_dump())
    tx.add(unknown)
    return unknown


@permit("case.bind_client")
async def bind_client(cmd: BindClient, actor: Actor, tx: Tx) -> Answer:
    """The case, with everything in it, is this person's from here on.

    `Refused` (client-known) when it is somebody's already; (case-already-open) when the person has an open case: a
    supervisor then joins the two.
    """
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    if case.client_kind != "unknown":
        raise Refused("client-known", "This case has its client already.", "conflict")
    if case.closed_at:
        raise Refused("case-closed", "The case is closed.", "conflict")
    await bind(case, "person", cmd.client_id, tx, actor)
    tx.emit(
        CaseClientBound(
            **told(case), client_kind="person", client_id=str(cmd.client_id), previous_client_id=str(case.client_was)
        ),
        of=case,
    )
    record(case, "bind_client", actor, tx)
    return Answer(id=case.id, version=case.version, state=case.stage)


async def bind(case: Case, kind: str, client_id: UUID, tx: Tx, actor: Actor) -> None:
    """Write the client on the case and on the description. Two may bind at once: the index of open cases decides."""
    unknown = await tx.lock(UnknownClient, case.client_id)
    unknown.bound_to, unknown.bound_at = client_id, datetime.now(UTC)
    try:
        async with tx.session.begin_nested():
            case.client_was, case.client_kind, case.client_id = case.client_id, kind, client_id
    except IntegrityError:
        raise await already_open(kind, client_id, actor, tx) from None


@permit("case.read")
async def read_unknown_client(what: ReadCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What was seen of the case's client before anybody knew who it is; not-found when that was always known."""
    case = await readable_case(what.case_id, actor, tx)
    unknown = await tx.get(UnknownClient, case.client_was or case.client_id)
    await tx.audit("case.read_unknown_client", "case", [case.id], what.purpose)
    return columns_of(unknown)


def columns_of(row: Base) -> dict[str, Any]:
    """The row as JSON-ready data."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
