"""What a worker is certified for, and was trained in. A record that nobody has confirmed gives no right.

Accredited is who holds a confirmed certificate that accredits and is valid today: only they write and read what is
confidential in the cases that they hold.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, func, or_, select

from services.cases.closing import WIB
from services.cases.commands import FROM_THE_PATH, Answer
from services.cases.notes_models import Competence
from services.cases.queries import Page, _columns
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.permissions import Role
from sinergi.problems import Refused

#: code of a certificate -> whether it accredits. Source: UU 14/2019 (uji kompetensi and STR of a pekerja sosial) and
#: Permensos 16/2017 (?): known from summaries, not from the text; change it here.
CERTIFICATES = {
    "peksos-lsps": True,  # sertifikat kompetensi pekerja sosial, from LSPS
    "peksos-str": True,  # surat tanda registrasi of a pekerja sosial
    "tks-lsps": False,  # tenaga kesejahteraan sosial
    "penyuluh-lsps": False,  # penyuluh sosial
}
ACCREDITING = [code for code, accredits in CERTIFICATES.items() if accredits]

Worker = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Kind = Literal["peksos-lsps", "peksos-str", "tks-lsps", "penyuluh-lsps"]


class _Proposal(BaseModel):
    """`worker` unset: one's own record."""

    model_config = ConfigDict(extra="forbid")
    worker: Worker | None = None


class ProposeCertificate(_Proposal):
    """A certificate of competence; `valid_until` unset: it does not expire."""

    kind: Kind
    number: Line
    issuer: Line
    valid_from: date
    valid_until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "ProposeCertificate":
        if self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until comes before valid_from")
        return self


class ProposeTraining(_Proposal):
    """A training of some hours (of 45 minutes, as its certificate counts them)."""

    title: Line
    organiser: Line
    hours: int = Field(ge=1, le=2000)
    held_on: date


class Decide(BaseModel):
    """Confirm, reject or withdraw a record as the actor last saw it."""

    model_config = ConfigDict(extra="forbid")
    id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    answer: Literal["confirmed", "rejected", "withdrawn"]


class ListCompetence(Page):
    """A worker's record (`worker` unset: one's own), or what waits for confirmation in the office."""

    worker: Worker | None = None
    waiting: bool = False


#: from which state which answer leads on
_DECISIONS = {"proposed": ("confirmed", "rejected"), "confirmed": ("withdrawn",)}


@permit("competence.propose")
async def propose_certificate(cmd: ProposeCertificate, actor: Actor, tx: Tx) -> Answer:
    """Write a certificate down; it gives a right when a supervisor has confirmed it."""
    dates = {"starts_on": cmd.valid_from, "ends_on": cmd.valid_until}
    return _propose(cmd, actor, tx, what="certificate", title=cmd.kind, issuer=cmd.issuer, number=cmd.number, **dates)


@permit("competence.propose")
async def propose_training(cmd: ProposeTraining, actor: Actor, tx: Tx) -> Answer:
    """Write a training down."""
    if cmd.held_on > today():
        raise Refused("training-in-future", "Write a training down when it was held.")
    about = {"title": cmd.title, "issuer": cmd.organiser, "starts_on": cmd.held_on, "hours": cmd.hours}
    return _propose(cmd, actor, tx, what="training", **about)


@permit("competence.decide")
async def decide_competence(cmd: Decide, actor: Actor, tx: Tx) -> Answer:
    """Confirm or reject what was proposed, withdraw what was confirmed. Never one's own, never what one proposed."""
    row = await tx.get(Competence, cmd.id)
    actor.within(agencies=(row.agency,), area=row.area)
    if actor.id in (row.worker, row.proposed_by):
        raise Refused("self-approval", "Another person must approve your own work.", "forbidden")
    row = await tx.lock(Competence, cmd.id, cmd.expected_version)
    if cmd.answer not in _DECISIONS.get(row.state, ()):
        raise Refused("wrong-competence-state", f"This record is {row.state}.", "conflict", state=row.state)
    row.state, row.decided_by, row.decided_at = cmd.answer, actor.id, datetime.now(WIB)
    row.version += 1
    return Answer(id=row.id, version=row.version, state=row.state)


@permit("competence.read")
async def list_competence(what: ListCompetence, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Certificates and trainings, the newest first, and for one worker whether they are accredited today."""
    worker = None if what.waiting else what.worker or actor.id
    if actor.role is Role.SOCIAL_WORKER and worker != actor.id:
        raise Refused("not-your-record", "You see your own certificates and trainings only.", "forbidden")
    seen = [Competence.agency == actor.agency, _in_area(actor)]
    seen.append(Competence.state == "proposed" if worker is None else Competence.worker == worker)
    total = (await tx.session.execute(select(func.count()).select_from(Competence).where(*seen))).scalar_one()
    newest = select(Competence).where(*seen).order_by(Competence.proposed_at.desc(), Competence.id.desc())
    rows = (await tx.session.scalars(newest.limit(what.size).offset(what.skip))).all()
    await tx.audit("competence.read", "worker", sorted({one.worker for one in rows}), "competence")
    accredited = await is_accredited(worker, actor.agency, tx) if worker else None
    return {"items": [_columns(one) for one in rows], "total": total, "accredited": accredited}


async def is_accredited(worker: str, agency: str, tx: Tx) -> bool:
    """Whether the worker holds a confirmed certificate of this agency's record that accredits and is valid today."""
    day = today()
    valid = (
        Competence.agency == agency,
        Competence.worker == worker,
        Competence.what == "certificate",
        Competence.title.in_(ACCREDITING),
        Competence.state == "confirmed",
        Competence.starts_on <= day,
        or_(Competence.ends_on.is_(None), Competence.ends_on >= day),
    )
    return bool(await tx.session.scalar(select(func.count()).select_from(Competence).where(*valid)))


async def refuse_unaccredited(actor: Actor, tx: Tx) -> None:
    """`Refused` (not-accredited) unless the actor is."""
    if not await is_accredited(actor.id, actor.agency, tx):
        sentence = "Only workers with a confirmed, valid certificate write or read what is confidential."
        raise Refused("not-accredited", sentence, "forbidden")


async def trained_hours(worker: str, agency: str, year: int, tx: Tx) -> int:
    """The hours of the worker's confirmed trainings in a year, for the yearly report."""
    of_year = (Competence.starts_on >= date(year, 1, 1), Competence.starts_on <= date(year, 12, 31))
    counted = (Competence.agency == agency, Competence.worker == worker, Competence.state == "confirmed", *of_year)
    return await tx.session.scalar(select(func.coalesce(func.sum(Competence.hours), 0)).where(*counted)) or 0


def today() -> date:
    """Today in western Indonesia: a certificate is valid to the end of its last day."""
    return datetime.now(WIB).date()


def _propose(cmd: _Proposal, actor: Actor, tx: Tx, **about: Any) -> Answer:
    worker = cmd.worker or actor.id
    if actor.role is not Role.OPERATOR and worker != actor.id:
        raise Refused("not-your-record", "Propose your own record; an operator enters those of others.", "forbidden")
    if actor.role is Role.OPERATOR and cmd.worker is None:
        raise Refused("worker-missing", "Name the worker whose record this is.")
    row = Competence(id=new_id(), version=0, worker=worker, agency=actor.agency, area=actor.area, state="proposed")
    for name, value in (about | {"proposed_by": actor.id}).items():
        setattr(row, name, value)
    tx.add(row)
    return Answer(id=row.id, version=row.version, state=row.state)


def _in_area(actor: Actor) -> ColumnElement[bool]:
    """`sinergi.auth.covers` in SQL; one's own record is seen wherever it was written down."""
    own = Competence.worker == actor.id
    if actor.area in ("", "*"):
        return Competence.area.is_not(None) if actor.area else own
    return or_(own, Competence.area == actor.area, Competence.area.startswith(f"{actor.area}.", autoescape=True))
