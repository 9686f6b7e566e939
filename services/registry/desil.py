"""Desil (1 = poorest … 10) of a person by period, read from the lists' records, and which programmes it opens.

BPS gives a new desil about every three months; it is never a bare number, always one of a period.
"""

from datetime import date
from typing import Any

from sqlalchemy import text

from services.registry.commands import Request
from services.registry.needs import MEMBERS, KnownOf, opened
from services.registry.programmes import Programme, Programmes
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: so many periods back from this quarter a desil counts as stale
STALE_PERIODS = 2

#: of each period what the newest record says, the newest period first
_HISTORY = text(
    f"""SELECT DISTINCT ON (r.desil_period) r.desil_period, r.desil, r.source, r.observed_on, r.id AS record_id
        FROM attachments a JOIN records r ON r.id = a.record_id
        WHERE a.person_id = {MEMBERS} AND r.desil IS NOT NULL
        ORDER BY r.desil_period DESC NULLS LAST, r.observed_on DESC, r.id DESC"""
)


@permit("desil.read")
async def desil_history(what: KnownOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The desil of each period with its record, and for which programmes the newest one is low enough."""
    person = await opened(what, "desil.read", actor, tx)
    rows = (await tx.session.execute(_HISTORY, {"person": person.id})).mappings().all()
    return {
        "person_id": str(person.id),
        "desil": person.desil,
        "desil_period": person.desil_period,
        "stale": is_stale(person.desil_period) if person.desil else None,
        "items": [dict(row) | {"record_id": str(row["record_id"])} for row in rows],
        "programmes": [_fit(one, person.desil) for one in Programmes.current().by_code.values() if one.desil_to],
    }


def _fit(programme: Programme, desil: int | None) -> dict[str, Any]:
    low, high = programme.desil_from or 1, programme.desil_to or 10
    shown = programme.model_dump(include={"code", "name", "desil_from", "desil_to", "source", "as_of", "note"})
    return shown | {"within": None if desil is None else low <= desil <= high}


class ListProgrammes(Request):
    """All programmes."""


@permit("programme.list")
async def programmes(what: ListProgrammes, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The aid programmes as they are configured, each with its source, date and note."""
    return {"items": [one.model_dump(mode="json") for one in Programmes.current().by_code.values()]}


def stale_before(today: date) -> str:
    """The oldest period (`2026-Q2`) that is not stale on a day: two quarters before the present one."""
    quarter = today.year * 4 + (today.month - 1) // 3 - STALE_PERIODS
    return f"{quarter // 4}-Q{quarter % 4 + 1}"


def is_stale(period: str | None) -> bool | None:
    """Whether a period is stale today; None when it is not told, or not written as a quarter."""
    if period is None or len(period) != 7 or period[4:6] != "-Q":
        return None
    return period < stale_before(date.today())
