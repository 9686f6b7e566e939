"""Who can help with a need here: ranked by eligibility, room, distance and past answers, each rank told in words.

One question to the database by the map's key (need, areas around the place), bounded; the rest is arithmetic on what it
gave. The order is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from services.referrals.capacity import is_closed, median_hours, places_left, this_month
from services.referrals.directory_requests import FindServices
from services.referrals.eligibility import Eligibility, Facts, Result, Verdict, asks_of, judge
from services.referrals.eligibility_words import lines_found, result_words
from services.referrals.rank_words import answer_words, distance_words, room_words
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: so many services are looked at; where more serve one need in one place, the nearest of them
LOOKED_AT = 1000
#: what nobody is served by is told to the gap report by kecamatan
KECAMATAN_DEPTH = 3
EVERYWHERE = "*"

#: served by the primary key (need, area, service), then by the keys of what it finds: no table is read through
_WHO_SERVES = text(
    """WITH near AS (
         SELECT service, max(area) AS area FROM served_needs WHERE need = ANY(:needs) AND area = ANY(:around)
         GROUP BY service ORDER BY max(area) DESC, service LIMIT :most)
       SELECT s.code, s.name, s.agency, a.name AS agency_name, a.kind AS agency_kind, s.desk, d.area AS desk_area,
         near.area, s.eligibility, s.terms_version, s.documents, s.places, s.places_per, s.closed_until,
         l.running, l.month, l.taken, l.answered
       FROM near, LATERAL (SELECT * FROM services WHERE code = near.service OFFSET 0) s
         JOIN agencies a ON a.code = s.agency JOIN desks d ON d.code = s.desk
         JOIN service_loads l ON l.service = s.code"""
)
_NEEDS_OF = text("SELECT DISTINCT need FROM served_needs WHERE service = :service")
_COUNT_ASKED = text(
    """INSERT INTO needs_asked (need, area, month, asked, unmet) VALUES (:need, :area, :month, 1, :unmet)
       ON CONFLICT (need, area, month) DO UPDATE
         SET asked = needs_asked.asked + 1, unmet = needs_asked.unmet + excluded.unmet"""
)


_AS_FOUND = ("code", "name", "agency", "agency_name", "agency_kind", "desk", "area", "documents")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A service that serves the need here. `distance`: 0 same kelurahan, 1 kecamatan, 2 kota, 3 province, 4 farther."""

    code: str
    name: str
    agency: str
    agency_name: str
    agency_kind: str
    desk: str
    area: str
    distance: int
    rules: Eligibility | None
    terms_version: int
    documents: list[str]
    free: int | None
    closed_until: Any
    answers_within: int | None

    @property
    def has_room(self) -> bool:
        """Whether it takes somebody now."""
        return self.free != 0 and not is_closed(self.closed_until)


def around(area: str) -> list[str]:
    """The area, all that it lies in, and the whole country."""
    parts = area.split(".")
    return [EVERYWHERE, *(".".join(parts[:count]) for count in range(1, len(parts) + 1))]


@permit("directory.find")
async def candidates(what: FindServices, actor: Actor, tx: Tx) -> list[Candidate]:
    """Who serves the need there; the asking is counted, without the client. A client to be judged is audited."""
    actor.within(area=what.area)
    found = await serving([what.need], what.area, tx)
    await _count_asked(what, found, tx)
    if what.client_id:
        await tx.audit("client.judged", what.client_kind, [what.client_id], f"eligibility for {what.need}")
    return found


def questions(found: Sequence[Candidate]) -> dict[str, list[str]]:
    """What must be asked about the client to judge all of them at once."""
    return asks_of(one.rules for one in found if one.rules)


def ranked(found: Sequence[Candidate], facts: Facts, what: FindServices) -> dict[str, Any]:
    """A page of the services, best first, with the reasons of their places in words."""
    judged = best_first(found, facts)
    first = (what.page - 1) * what.limit
    shown = [_shown(*pair) for pair in judged[first : first + what.limit]]
    return {"items": shown, "total": len(judged), "more_than_looked_at": len(judged) >= LOOKED_AT}


def best_first(found: Sequence[Candidate], facts: Facts) -> list[tuple[Candidate, Verdict | None]]:
    """The services with what their rules say of this client."""
    judged = [(one, judge(one.rules, facts, one.terms_version) if one.rules else None) for one in found]
    return sorted(judged, key=lambda pair: _place(*pair))


async def with_room_instead(service: str, area: str, tx: Tx) -> list[dict[str, str]]:
    """Up to three others that serve one of its needs there and have room, nearest first."""
    needs = list(await tx.session.scalars(_NEEDS_OF, {"service": service}))
    others = [one for one in await serving(needs, area, tx) if one.has_room and one.code != service]
    others.sort(key=lambda one: _place(one, None))
    return [{"service": one.code, "name": one.name, "agency": one.agency} for one in others[:3]]


async def serving(needs: list[str], area: str, tx: Tx) -> list[Candidate]:
    """Whoever serves one of the needs there, in no order; who asks is not counted."""
    asked = {"needs": needs, "around": around(area), "most": LOOKED_AT}
    return [_candidate(row, area) for row in (await tx.session.execute(_WHO_SERVES, asked)).mappings()]


def _candidate(row: Any, area: str) -> Candidate:
    return Candidate(
        **{one: row[one] for one in _AS_FOUND},
        distance=_distance(row["desk_area"] or row["area"], area),
        rules=Eligibility.model_validate(row["eligibility"]) if row["eligibility"] else None,
        terms_version=row["terms_version"],
        free=places_left(*(row[one] for one in ("places", "places_per", "running", "month", "taken"))),
        closed_until=row["closed_until"],
        answers_within=median_hours(row["answered"]),
    )


def _distance(there: str, here: str) -> int:
    """By the codes alone: how many parts of the place the two do not share."""
    shared = 0
    for one, other in zip(there.split("."), here.split("."), strict=False):
        if one != other:
            break
        shared += 1
    return 4 - shared


def _place(one: Candidate, verdict: Verdict | None) -> tuple[int, bool, int, float, str]:
    """Eligible, then who cannot be told, then not; with room first; then the near; then who answers soon."""
    results = list(Result)
    slow = one.answers_within if one.answers_within is not None else float("inf")
    return results.index(verdict.result if verdict else Result.YES), not one.has_room, one.distance, slow, one.code


def _shown(one: Candidate, verdict: Verdict | None) -> dict[str, Any]:
    result = verdict.result if verdict else Result.YES
    return {
        **{name: getattr(one, name) for name in ("code", "name", "agency", "agency_name", "desk", "area", "documents")},
        "eligibility": result,
        "free_places": one.free,
        "closed_until": one.closed_until,
        "has_room": one.has_room,
        "distance": one.distance,
        "answers_within_hours": one.answers_within,
        "rules": [line.model_dump() for line in lines_found(verdict.findings)] if verdict else [],
        "why": [
            result_words(result),
            room_words(one.free, one.closed_until if is_closed(one.closed_until) else None),
            distance_words(one.distance),
            answer_words(one.answers_within),
        ],
    }


async def _count_asked(what: FindServices, found: Sequence[Candidate], tx: Tx) -> None:
    area = ".".join(what.area.split(".")[:KECAMATAN_DEPTH])
    unmet = not any(one.has_room for one in found)
    counted = {"need": what.need, "area": area, "month": this_month(), "unmet": int(unmet)}
    await tx.session.execute(_COUNT_ASKED, counted)
