"""Clusters: who is one person, by what humans said. The oldest of a cluster survives and stands for the others.

A cluster is whatever hangs together by verdicts `same` that count. Nobody is in a cluster with somebody from whom
he or she was judged different. The rows in `persons` (state, survivor) always say what the verdicts say.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text

from services.registry import golden, marks
from services.registry.models import GroupMember, Person
from services.registry.verdicts_models import Verdict
from sinergi.db import Tx
from sinergi.events import PersonMerged, PersonUnmerged

Pair = tuple[UUID, UUID]


def ordered(one: UUID, other: UUID) -> Pair:
    """A pair as the tables hold it: the lower id first."""
    return (one, other) if one < other else (other, one)


class Clusters:
    """The clusters of some persons, as the verdicts about them say."""

    def __init__(self, persons: Iterable[UUID]) -> None:
        self._members = {person: {person} for person in persons}
        self._different: dict[UUID, set[UUID]] = defaultdict(set)

    def root(self, person: UUID) -> UUID:
        """The oldest of the person's cluster. (Ids are in order of time.)"""
        return min(self._members[person])

    def members(self, person: UUID) -> set[UUID]:
        """Everybody in the person's cluster."""
        return self._members[person]

    def together(self, one: UUID, other: UUID) -> bool:
        """Whether both are one person."""
        return other in self._members[one]

    def split(self, one: UUID, other: UUID) -> Pair | None:
        """A pair judged different that keeps the two clusters apart, the lowest; None: nothing does."""
        theirs = self._members[other]
        found = [ordered(a, b) for a in self._members[one] for b in self._different[a] & theirs]
        return min(found, default=None)

    def join(self, one: UUID, other: UUID) -> None:
        """Both are the same."""
        if not self.together(one, other):
            both = self._members[one] | self._members[other]
            self._members |= dict.fromkeys(both, both)

    def part(self, one: UUID, other: UUID) -> None:
        """Both are different."""
        self._different[one].add(other)
        self._different[other].add(one)


@dataclass(frozen=True, slots=True)
class Scene:
    """Persons with everybody who is in a cluster with them, locked, and the verdicts among all of these that count."""

    persons: dict[UUID, Person]
    verdicts: dict[Pair, Verdict]
    in_groups: frozenset[UUID]

    def clusters(self) -> Clusters:
        """What the verdicts say now."""
        clusters = Clusters(self.persons)
        for pair, verdict in self.verdicts.items():
            (clusters.join if verdict.verdict == "same" else clusters.part)(*pair)
        return clusters


_TURN = text("SELECT pg_advisory_xact_lock(hashtext('registry-verdicts'))")


async def take_turn(tx: Tx) -> None:
    """Wait until nobody else changes clusters, until the end of the transaction; before any person is locked.

    Clusters grow by verdicts on others of their members, so locks on the persons named are not enough.
    """
    await tx.session.execute(_TURN)


async def scene_of(named: Iterable[UUID], tx: Tx) -> Scene:
    """Take a turn, then lock these persons (those that exist) and their clusters, in order of their ids."""
    await take_turn(tx)
    roots = select(func.coalesce(Person.survivor_id, Person.id)).where(Person.id.in_(set(named)))
    known = (await tx.session.scalars(roots)).all()
    rows = select(Person).where(or_(Person.id.in_(known), Person.survivor_id.in_(known))).order_by(Person.id)
    locked = rows.with_for_update(key_share=True).execution_options(populate_existing=True)
    persons = {person.id: person for person in await tx.session.scalars(locked)}
    return Scene(persons, await _verdicts(persons, tx), await _in_groups(persons, tx))


async def _verdicts(persons: Iterable[UUID], tx: Tx) -> dict[Pair, Verdict]:
    ids = list(persons)
    rows = select(Verdict).where(Verdict.low_id.in_(ids), Verdict.high_id.in_(ids), current())
    return {(one.low_id, one.high_id): one for one in await tx.session.scalars(rows.order_by(Verdict.id))}


async def _in_groups(persons: Iterable[UUID], tx: Tx) -> frozenset[UUID]:
    rows = select(GroupMember.person_id).where(GroupMember.person_id.in_(list(persons)))
    return frozenset(await tx.session.scalars(rows))


def current() -> ColumnElement[bool]:
    """Whether a verdict counts."""
    return Verdict.withdrawn_at.is_(None)


# ------------------------------------------------------------------ carry out


async def regroup(scene: Scene, tx: Tx, anew: Iterable[UUID] = ()) -> None:
    """Make the persons what the verdicts say: survivors, golden records, places in groups, the queue; and tell it.

    `anew`: survivors whose clusters are put together again although nobody comes or goes, as a record has gone.
    """
    clusters, persons = scene.clusters(), scene.persons
    before = {id: person.survivor_id or id for id, person in persons.items()}
    after = {id: clusters.root(id) for id in persons}
    moved = [id for id in persons if before[id] != after[id]]
    left = {before[id] for id in moved if after[before[id]] == before[id]} | set(anew)
    await _dissolve([id for id in persons if before[id] in left], left, scene, tx)
    for id, root in after.items():
        _point(persons[id], root)
    await tx.session.flush()  # who is in which cluster, before facts and golden records speak of it
    _tell(moved, before, after, scene, tx)
    if moved or left:
        await _refresh({root for id in moved for root in (before[id], after[id])} | left, scene, tx)
    await _settle(list(persons), tx)


async def _dissolve(members: Sequence[UUID], roots: Iterable[UUID], scene: Scene, tx: Tx) -> None:
    """Before some are put together again: each is alone, with the NIK that he or she had before the merge."""
    for id in members:
        _point(scene.persons[id], id)
    for root in roots:
        scene.persons[root].unmatched = True  # what it bears may be another's (golden.py)
    if members:
        await golden.recompute(await golden.connection_of(tx), members)


def _point(person: Person, root: UUID) -> None:
    """To the survivor; a person set free is what he or she was before."""
    if person.id == root:
        person.survivor_id, person.state = None, "dead" if person.died_on else "active"
    else:
        person.survivor_id, person.state = root, "merged"


def _tell(moved: Sequence[UUID], before: dict[UUID, UUID], after: dict[UUID, UUID], scene: Scene, tx: Tx) -> None:
    restored, merged = defaultdict(list), defaultdict(list)
    for id in moved:
        left, joined = before[id], after[id]
        if id != left and after[left] == left:
            restored[left].append(str(id))
        if id != joined:
            merged[joined].append(str(id))
    for root, ids in sorted(restored.items()):
        tx.emit(PersonUnmerged(person_id=str(root), restored=sorted(ids)), of=scene.persons[root])
    for root, ids in sorted(merged.items()):
        tx.emit(PersonMerged(person_id=str(root), merged=sorted(ids)), of=scene.persons[root])


#: a merged person's place in a group goes to the survivor, and comes back
_PLACES = (
    """INSERT INTO merged_places (group_id, person_id, origin_id)
       SELECT m.group_id, p.id, p.id FROM group_members m JOIN persons p ON p.id = m.person_id
       WHERE p.id = ANY($1) AND p.survivor_id IS NOT NULL ON CONFLICT DO NOTHING""",
    """UPDATE group_members m SET person_id = coalesce(origin.survivor_id, origin.id)
       FROM merged_places place JOIN persons origin ON origin.id = place.origin_id
       WHERE m.person_id = ANY($1) AND place.group_id = m.group_id AND place.person_id = m.person_id""",
    "DELETE FROM merged_places WHERE person_id = ANY($1) AND person_id = origin_id",
)


async def _refresh(roots: set[UUID], scene: Scene, tx: Tx) -> None:
    """Golden records, and what hangs on who is who."""
    connection, ids = await golden.connection_of(tx), list(scene.persons)
    await golden.recompute(connection, sorted(roots))
    for statement in _PLACES:
        await connection.execute(statement, ids)
    areas = await connection.fetch("SELECT DISTINCT area FROM persons WHERE id = ANY($1)", ids)
    await marks.mark({row["area"] for row in areas} | {person.area for person in scene.persons.values()}, tx)


#: a pair is decided when it was judged, when both are one person, or when others of their clusters were told apart
_SETTLE = """
    WITH apart AS (
        SELECT coalesce(a.survivor_id, a.id) AS one, coalesce(b.survivor_id, b.id) AS other
        FROM verdicts v JOIN persons a ON a.id = v.low_id JOIN persons b ON b.id = v.high_id
        WHERE v.withdrawn_at IS NULL AND v.verdict = 'different' AND (v.low_id = ANY($1) OR v.high_id = ANY($1))),
    asked AS (
        SELECT r.id, coalesce(a.survivor_id, a.id) AS one, coalesce(b.survivor_id, b.id) AS other
        FROM reviews r JOIN persons a ON a.id = r.low_id JOIN persons b ON b.id = r.high_id
        WHERE r.low_id = ANY($1) OR r.high_id = ANY($1)),
    settled AS (
        SELECT id, one = other OR EXISTS (
            SELECT FROM apart WHERE (apart.one, apart.other) IN ((asked.one, asked.other), (asked.other, asked.one))
        ) AS decided FROM asked)
    UPDATE reviews r SET state = CASE WHEN decided THEN 'decided' ELSE 'open' END
    FROM settled WHERE settled.id = r.id AND decided <> (r.state = 'decided')"""


async def _settle(persons: Sequence[UUID], tx: Tx) -> None:
    await (await golden.connection_of(tx)).execute(_SETTLE, persons)
