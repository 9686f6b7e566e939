"""Pairs of persons that wait for a human, closest to the line first, and what was said about pairs before."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, or_, select

from services.registry import golden
from services.registry.commands import Request
from services.registry.linkage.model import Model
from services.registry.models import Person
from services.registry.queries import Page, _in_area, _paged, golden_of, mask_name
from services.registry.verdicts_models import Review, Verdict
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: why a pair waits: code -> (what a clerk reads in Indonesian, in English)
REASONS = {
    "nik": ("NIK sama, tetapi nama tidak mirip", "The same NIK, but the names are not alike"),
    "nik-shared": ("Satu NIK tertulis pada dua baris dalam satu daftar", "One list gives one NIK to two rows"),
    "household": ("Anggota keluarga yang cocok sebagian", "Members of households that match in part"),
    "score": ("Kemiripannya belum cukup untuk diputuskan", "Alike, but not enough to decide"),
    "unsure": ("Petugas sebelumnya belum yakin", "Whoever looked before was not sure"),
}


def common_area(one: str, other: str) -> str:
    """The smallest area that holds both wilayah codes; empty when they are of two provinces.

    Whoever may see this area may see both persons, and so may judge them.
    """
    same = []
    for mine, theirs in zip(one.split("."), other.split("."), strict=False):
        if mine != theirs:
            break
        same.append(mine)
    return ".".join(same)


class ListReviews(Page):
    """The queue of an area (wilayah code), of one reason."""

    area: str | None = Field(None, pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")
    reason: str | None = Field(None, pattern="^[a-z-]{2,40}$")


@permit("review.read")
async def list_reviews(what: ListReviews, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Open pairs whose both persons lie in the actor's area, masked side by side, and how many there are by reason."""
    scope = [Review.state == "open", _in_area(Review.area, actor.area)]
    if what.area:
        scope.append(_in_area(Review.area, what.area))
    counts = select(Review.reason, func.count()).where(*scope).group_by(Review.reason).order_by(Review.reason)
    counted: dict[str, int] = {reason: number for reason, number in (await tx.session.execute(counts)).all()}
    wanted = [*scope, Review.reason == what.reason] if what.reason else scope
    rows = select(Review).where(*wanted).order_by(func.abs(Review.bits), Review.id)
    reviews = (await tx.session.scalars(_paged(rows, what))).all()
    people = await _people({id for one in reviews for id in (one.low_id, one.high_id)}, tx)
    await tx.audit("review.list", "person", sorted(people), "review queue")
    items = [_frame(one) | {"persons": [_masked(people[id]) for id in (one.low_id, one.high_id)]} for one in reviews]
    total = counted.get(what.reason, 0) if what.reason else sum(counted.values())
    return {"items": items, "total": total, "counts": counted}


async def _people(ids: Iterable[UUID], tx: Tx) -> dict[UUID, Person]:
    return {one.id: one for one in await tx.session.scalars(select(Person).where(Person.id.in_(list(ids))))}


def _frame(review: Review) -> dict[str, Any]:
    text_id, text_en = REASONS.get(review.reason, (review.reason, review.reason))
    return {
        "id": str(review.id),
        "reason": review.reason,
        "reason_text": {"id": text_id, "en": text_en},
        "bits": review.bits,
        "area": review.area,
        "state": review.state,
        "import_id": str(review.import_id) if review.import_id else None,
        "created_at": review.created_at,
    }


def _masked(person: Person) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "survivor_id": str(person.survivor_id) if person.survivor_id else None,
        "version": person.version,
        "name_masked": mask_name(person.name),
        "nik_masked": "*" * 12 + person.nik[-4:] if person.nik else None,
        "birth_year": person.birth_date.year if person.birth_date else None,
        "sex": person.sex,
        "area": person.area,
    }


class ReadReview(Request):
    """One pair, for a purpose that goes into the audit."""

    review_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


@permit("review.read")
async def read_review(what: ReadReview, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Both golden records side by side, unmasked, what the comparison says field by field, and what was said before.

    A person who was merged meanwhile is shown as the survivor; `id` stays the one that the pair names.
    """
    review = await tx.get(Review, what.review_id)
    named = await _people([review.low_id, review.high_id], tx)
    survivors = await _people([person.survivor_id or id for id, person in named.items()], tx)
    shown = [survivors[named[id].survivor_id or id] for id in (review.low_id, review.high_id)]
    for person in (*named.values(), *shown):
        actor.within(area=person.area)
    await tx.audit("review.read", "person", sorted({*named, *survivors}), what.purpose)
    sides = [
        golden_of(person) | {"id": id, "provenance": await golden.provenance(person, tx)}
        for id, person in zip((review.low_id, review.high_id), shown, strict=True)
    ]
    said = select(Verdict).where(Verdict.low_id == review.low_id, Verdict.high_id == review.high_id)
    verdicts = [_verdict(one) for one in await tx.session.scalars(said.order_by(Verdict.id))]
    return _frame(review) | {"persons": sides, "explanation": explanation(review), "verdicts": verdicts}


def explanation(review: Review) -> list[dict[str, Any]]:
    """The comparison's levels in words: `field`, `level`, `bits`, `text_id`, `text_en`; empty when none was made."""
    if review.levels is None:
        return []
    return Model.default().explain(tuple(review.levels), household=review.reason == "household")


class VerdictsOf(Page):
    """What was ever said about a person and others."""

    person_id: UUID


@permit("verdict.read")
async def verdicts_of(what: VerdictsOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The verdicts about a person, withdrawn ones too, newest first."""
    person = await tx.get(Person, what.person_id)
    actor.within(area=person.area)
    await tx.audit("verdict.read", "person", [person.id], "verdicts")
    rows = select(Verdict).where(or_(Verdict.low_id == person.id, Verdict.high_id == person.id))
    found = await tx.session.scalars(_paged(rows.order_by(Verdict.id.desc()), what))
    return {"items": [_verdict(one) for one in found]}


_VERDICT_FIELDS = (
    *("id", "low_id", "high_id", "verdict", "reason", "decided_by", "decided_at"),
    *("withdrawn_by", "withdrawn_at", "withdrawn_reason"),
)


def _verdict(one: Verdict) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _VERDICT_FIELDS}
