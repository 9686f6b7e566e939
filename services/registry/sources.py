"""Where lists come from: how much each source is trusted, and how its lists are read."""

from datetime import date
from typing import Any

from pydantic import Field
from sqlalchemy import func, select

from services.registry.commands import Request
from services.registry.layouts import check_mapping
from services.registry.lists_models import Source
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused

CODE = "^[a-z][a-z0-9-]{1,31}$"


async def list_source(code: str, tx: Tx) -> Source:
    """The source, locked; `Refused` (`source-unknown`) unless lists of it may be handed in."""
    source = await tx.session.get(Source, code, with_for_update=True)
    if source is None or not source.handed_in:
        raise Refused("source-unknown", "There is no such source of lists. GET /sources names them.")
    return source


def save_mapping(source: Source, mapping: dict[str, str], actor: Actor) -> None:
    """The next list of this source is read so, if its header is of no known layout. `Refused` as `check_mapping`."""
    check_mapping(mapping)
    source.mapping, source.mapping_by, source.mapping_at = mapping, actor.id, func.now()


class AllSources(Request):
    """Every source."""


@permit("source.read")
async def list_sources(what: AllSources, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The sources, the most trusted first."""
    rows = await tx.session.scalars(select(Source).order_by(Source.rank, Source.code))
    return {"items": [_shown(row) for row in rows]}


class AboutSource(Request):
    """The lower the rank, the more a source is trusted; `list_date`: when its lists are drawn, if they do not say."""

    name: str = Field(min_length=3, max_length=100)
    rank: int = Field(ge=0, le=1000)
    list_date: date | None = None


class PutSource(AboutSource):
    """Add a source of lists, or change its name, trust and list date."""

    code: str = Field(pattern=CODE)


@permit("source.write")
async def put_source(cmd: PutSource, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Golden records that are made from now on follow the new rank; the others when they change next."""
    source = await tx.session.get(Source, cmd.code, with_for_update=True)
    if source is None:
        source = Source(code=cmd.code, handed_in=True)
        tx.add(source)
    if not source.handed_in:
        raise Refused("source-not-yours", "This source is not one of lists; its trust is fixed.", "conflict")
    source.name, source.rank, source.list_date = cmd.name, cmd.rank, cmd.list_date
    return _shown(source)


class ReadMapping(Request):
    """The mapping of one source."""

    source: str = Field(pattern=CODE)


@permit("source.read")
async def read_mapping(what: ReadMapping, actor: Actor, tx: Tx) -> dict[str, Any]:
    """How a list of this source with an unknown header is read: {field: column}, None so far."""
    source = await list_source(what.source, tx)
    return {"source": source.code, "mapping": source.mapping, "by": source.mapping_by, "at": source.mapping_at}


class PutMapping(ReadMapping):
    """Which column of this source's lists holds which field of ours."""

    mapping: dict[str, str]


@permit("source.write")
async def put_mapping(cmd: PutMapping, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Save the mapping for the next list."""
    source = await list_source(cmd.source, tx)
    save_mapping(source, cmd.mapping, actor)
    return {"source": source.code, "mapping": cmd.mapping}


def _shown(source: Source) -> dict[str, Any]:
    day = source.list_date and source.list_date.isoformat()
    return {
        "code": source.code,
        "name": source.name,
        "rank": source.rank,
        "handed_in": source.handed_in,
        "list_date": day,
        "mapping": source.mapping,
    }
