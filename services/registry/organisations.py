"""PSKS: the potentials of social welfare in an area, 12 kinds (Permensos 8/2012), with contact and services."""

from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from services.registry.commands import Request
from services.registry.known_models import Organisation
from services.registry.queries import Page, _in_area, _paged
from services.registry.rules import known_area
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

Kind = Literal[
    "peksos", "psm", "tagana", "lks", "karang-taruna", "lk3", "keluarga-pioner", "wksbm", "wanita-pemimpin",
    "penyuluh", "tksk", "dunia-usaha",
]  # fmt: skip

#: code -> (Indonesian, English), in the order of DOMAIN.md; the last one is known from a summary (?)
KINDS = {
    "peksos": ("Pekerja sosial profesional", "Professional social worker"),
    "psm": ("Pekerja Sosial Masyarakat (PSM)", "Community social worker"),
    "tagana": ("Taruna Siaga Bencana (Tagana)", "Disaster response cadet"),
    "lks": ("Lembaga Kesejahteraan Sosial (LKS)", "Social welfare institution"),
    "karang-taruna": ("Karang Taruna", "Youth organisation"),
    "lk3": ("Lembaga Konsultasi Kesejahteraan Keluarga (LK3)", "Family welfare consultation institution"),
    "keluarga-pioner": ("Keluarga pioner", "Pioneer family"),
    "wksbm": ("Wahana Kesejahteraan Sosial Berbasis Masyarakat (WKSBM)", "Community based welfare group"),
    "wanita-pemimpin": ("Wanita pemimpin kesejahteraan sosial", "Woman leader of social welfare"),
    "penyuluh": ("Penyuluh sosial", "Social educator"),
    "tksk": ("Tenaga Kesejahteraan Sosial Kecamatan (TKSK)", "District social welfare worker"),
    "dunia-usaha": ("Dunia usaha", "Business community"),
}
assert set(KINDS) == set(get_args(Kind))

_AREA = r"^[0-9]{2}(\.[0-9]+){0,3}$"


class Described(Request):
    """What is written about an organisation."""

    kind: Kind
    name: str = Field(min_length=3, max_length=150)
    area: str = Field(pattern=_AREA)
    contact: str | None = Field(None, max_length=300, description="of the organisation, not of a private person")
    services: list[str] = Field([], max_length=30)


class AddOrganisation(Described):
    """An organisation that is not written down yet."""


@permit("organisation.write")
async def add_organisation(cmd: AddOrganisation, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Write an organisation down. Refused: `area-unknown`, `organisation-known`, outside the actor's area."""
    _refuse_area(cmd.area, actor)
    row = Organisation(id=new_id(), by=actor.id, **cmd.model_dump())
    tx.add(row)
    return await _written(row, tx)


class ChangeOrganisation(Described):
    """An organisation as it is now; `active` false: it does not work any more."""

    organisation_id: UUID
    expected_version: int
    active: bool = True


@permit("organisation.write")
async def change_organisation(cmd: ChangeOrganisation, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Change what is written. Refused: as `add_organisation`, and `version-conflict`."""
    row = await tx.lock(Organisation, cmd.organisation_id, cmd.expected_version)
    actor.within(area=row.area)
    _refuse_area(cmd.area, actor)
    for name, value in cmd.model_dump(exclude={"organisation_id", "expected_version"}).items():
        setattr(row, name, value)
    row.version, row.by = row.version + 1, actor.id
    return await _written(row, tx)


def _refuse_area(area: str, actor: Actor) -> None:
    actor.within(area=area)
    if not known_area(area):
        raise Refused("area-unknown", "There is no area with this code.")


async def _written(row: Organisation, tx: Tx) -> dict[str, Any]:
    try:
        await tx.session.flush()
    except IntegrityError as wrong:
        if "organisations_same" not in str(wrong.orig):
            raise
        sentence = "An organisation of this kind and name is written down for this area."
        raise Refused("organisation-known", sentence, "conflict") from None
    return {"id": str(row.id), "version": row.version}


class ListOrganisations(Page):
    """The organisations of an area, of one kind or of all."""

    area: str = Field(pattern=_AREA)
    kind: Kind | None = None
    active: bool = True


@permit("organisation.read")
async def list_organisations(what: ListOrganisations, actor: Actor, tx: Tx) -> dict[str, Any]:
    """By area and name, and how many there are of each kind."""
    actor.within(area=what.area)
    here = [_in_area(Organisation.area, what.area), Organisation.active.is_(what.active)]
    kinds = await tx.session.execute(
        select(Organisation.kind, func.count()).where(*here).group_by(Organisation.kind).order_by(Organisation.kind)
    )
    wanted = here + ([Organisation.kind == what.kind] if what.kind else [])
    order = (Organisation.area, Organisation.name, Organisation.id)
    rows = await tx.session.scalars(_paged(select(Organisation).where(*wanted).order_by(*order), what))
    return {"items": [_shown(row) for row in rows], "kinds": {kind: number for kind, number in kinds}}


_FIELDS = ("kind", "name", "area", "contact", "services", "active", "version")


def _shown(row: Organisation) -> dict[str, Any]:
    return {"id": str(row.id)} | {name: getattr(row, name) for name in _FIELDS} | {"kind_name": KINDS[row.kind][0]}
