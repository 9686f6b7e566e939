"""Verdicts: a human says that two persons are the same, or are different; and takes it back.

A verdict outlives every list and can be undone. What follows from verdicts (merges) is in clusters.py; the rules and
why they are so, in docs/decisions/0008-verdicts-and-merges.md.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.dialects.postgresql import insert

from services.registry import golden
from services.registry.clusters import Clusters, Scene, ordered, regroup, scene_of
from services.registry.commands import Request
from services.registry.models import Person, Record
from services.registry.reviews import common_area
from services.registry.verdicts_models import RecordMove, Review, Verdict
from sinergi.auth import Actor, permit
from sinergi.db import Tx, found, new_id
from sinergi.events import PersonUnmerged
from sinergi.problems import Refused

Reason = Annotated[str, Field(min_length=3, max_length=500)]
FROM_THE_PATH = UUID(int=0)


class Judged(Request):
    """What is said about two persons; with their versions it is refused when they have changed meanwhile."""

    first_id: UUID
    second_id: UUID
    verdict: Literal["same", "different", "unsure"]
    first_version: int | None = Field(None, ge=0)
    second_version: int | None = Field(None, ge=0)


class JudgePairs(Request):
    """Verdicts about many pairs, for one reason."""

    pairs: list[Judged] = Field(min_length=1, max_length=500)
    reason: Reason


@permit("verdict.judge")
async def judge_pairs(cmd: JudgePairs, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Judge pair by pair, in this order; a refused pair tells why, the others count all the same."""
    results = await judge(cmd.pairs, cmd.reason, actor, tx)
    counts = {name: sum(one["result"] == name for one in results) for name in ("applied", "unchanged", "refused")}
    return {"results": results} | counts


async def judge(pairs: Sequence[Judged], reason: str, actor: Actor, tx: Tx) -> list[dict[str, Any]]:
    """As `judge_pairs`, for commands that judge on the way; no person is locked yet. One result for each pair:

    `result`: applied, unchanged (judged so before) or refused, then with the `problem`. Slugs: verdict-on-oneself,
    not-found, outside-your-area, version-conflict, verdict-known, verdict-conflict, merge-of-dead-and-living,
    merge-of-two-members.
    """
    scene = await scene_of([id for pair in pairs for id in (pair.first_id, pair.second_id)], tx)
    bench = _Bench(scene, scene.clusters(), reason, actor, tx)
    results = []
    for pair in pairs:
        answer: dict[str, Any] = pair.model_dump(mode="json", include={"first_id", "second_id", "verdict"})
        try:
            answer |= {"result": await bench.judge(pair)}
        except Refused as no:
            answer |= {"result": "refused", "problem": no.problem()}
        results.append(answer)
    await regroup(scene, tx)
    named = sorted({str(id) for id in bench.judged})
    await tx.audit("verdict.judge", "person", named, reason)
    return results


class _Bench:
    """Judges one pair after the other; the clusters grow with each."""

    def __init__(self, scene: Scene, clusters: Clusters, reason: str, actor: Actor, tx: Tx) -> None:
        self._scene, self._clusters, self._reason, self._actor, self._tx = scene, clusters, reason, actor, tx
        self.judged: list[UUID] = []

    async def judge(self, pair: Judged) -> str:
        """`applied` or `unchanged`; Refused when the pair breaks a rule."""
        low, high = self._persons(pair)
        known = self._scene.verdicts.get((low, high))
        if known and known.verdict == pair.verdict:
            return "unchanged"
        if known:
            sentence = f"This pair was judged {known.verdict}. Withdraw that verdict first."
            raise Refused("verdict-known", sentence, "conflict", verdict_id=str(known.id), verdict=known.verdict)
        await {"same": self._same, "different": self._different, "unsure": self._unsure}[pair.verdict](low, high)
        self.judged += [low, high]
        return "applied"

    def _persons(self, pair: Judged) -> tuple[UUID, UUID]:
        if pair.first_id == pair.second_id:
            raise Refused("verdict-on-oneself", "A verdict is about two persons.")
        for id, version in ((pair.first_id, pair.first_version), (pair.second_id, pair.second_version)):
            person = self._scene.persons.get(id)
            if person is None:
                raise Refused("not-found", "There is no such person.", "not-found", person_id=str(id))
            within(self._actor, person, self._scene)
            if version is not None:
                _expect(person, version)
        return ordered(pair.first_id, pair.second_id)

    async def _same(self, low: UUID, high: UUID) -> None:
        if apart := self._clusters.split(low, high):
            sentence = "Another pair in between was judged different. Withdraw one of the two verdicts."
            raise Refused("verdict-conflict", sentence, "conflict", pair=[str(id) for id in apart])
        if not self._clusters.together(low, high):
            self._refuse_clash(low, high)
        self._clusters.join(low, high)
        self._write(low, high, "same")

    def _refuse_clash(self, low: UUID, high: UUID) -> None:
        people = self._scene.persons
        roots = [people[id].survivor_id or id for id in (low, high)]
        if people[roots[0]].state != people[roots[1]].state:
            sentence = "One of the two has died. Record the death of the other, or withdraw the one, first."
            raise Refused("merge-of-dead-and-living", sentence, "conflict", persons=[str(id) for id in roots])
        places = [self._scene.in_groups & self._clusters.members(id) for id in (low, high)]
        if all(places):
            sentence = "Both are members of a group. One of them leaves it first."
            raise Refused("merge-of-two-members", sentence, "conflict", persons=[str(min(ids)) for ids in places])

    async def _different(self, low: UUID, high: UUID) -> None:
        self._refuse_one_person(low, high)
        self._clusters.part(low, high)
        self._write(low, high, "different")

    async def _unsure(self, low: UUID, high: UUID) -> None:
        """Nothing is decided: the pair waits (again) for somebody who knows more."""
        self._refuse_one_person(low, high)
        area = common_area(*(self._scene.persons[id].area for id in (low, high)))
        new = {"id": new_id(), "low_id": low, "high_id": high, "reason": "unsure", "area": area, "state": "open"}
        added = insert(Review).values(new)
        again = {"reason": "unsure"}
        await self._tx.session.execute(added.on_conflict_do_update(index_elements=["low_id", "high_id"], set_=again))

    def _refuse_one_person(self, low: UUID, high: UUID) -> None:
        if self._clusters.together(low, high):
            sentence = "Both were merged into one person. Set one of them free first."
            raise Refused("verdict-conflict", sentence, "conflict", pair=[str(low), str(high)])

    def _write(self, low: UUID, high: UUID, said: str) -> None:
        self._scene.verdicts[low, high] = _say(low, high, said, self._reason, self._actor, self._tx)


def _say(low: UUID, high: UUID, said: str, reason: str, actor: Actor, tx: Tx) -> Verdict:
    verdict = Verdict(id=new_id(), low_id=low, high_id=high, verdict=said, reason=reason, decided_by=actor.id)
    tx.add(verdict)
    return verdict


def _expect(person: Person, version: int) -> None:
    if person.version != version:
        sentence = "A person was changed meanwhile. Read again, then decide."
        raise Refused("version-conflict", sentence, "conflict", person_id=str(person.id), version=person.version)


def within(actor: Actor, person: Person, scene: Scene) -> None:
    """Refuse unless the person, and the survivor who stands for him or her, lie in the actor's area."""
    actor.within(area=person.area)
    if person.survivor_id:
        actor.within(area=scene.persons[person.survivor_id].area)


# ------------------------------------------------------------------- take back


class UndoVerdict(Request):
    """Withdraw a verdict: the pair is as if it had never been judged."""

    verdict_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    reason: Reason


@permit("verdict.undo")
async def undo_verdict(cmd: UndoVerdict, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Withdraw it; who was merged by it alone is set free, and a review of the pair is open again."""
    verdict = await tx.get(Verdict, cmd.verdict_id)
    pair = verdict.low_id, verdict.high_id
    scene = await scene_of(pair, tx)
    await tx.session.refresh(verdict)
    for id in pair:
        within(actor, scene.persons[id], scene)
    if verdict.withdrawn_at:
        raise Refused("verdict-withdrawn", "This verdict was withdrawn before.", "conflict")
    _withdraw([verdict], cmd.reason, scene, actor)
    await regroup(scene, tx)
    await tx.audit("verdict.undo", "person", pair, cmd.reason)
    return {"id": str(verdict.id), "persons": _standing(scene, pair)}


def _withdraw(verdicts: Sequence[Verdict], reason: str, scene: Scene, actor: Actor) -> None:
    for one in verdicts:
        one.withdrawn_by, one.withdrawn_at, one.withdrawn_reason = actor.id, datetime.now(UTC), reason
        del scene.verdicts[one.low_id, one.high_id]


def _standing(scene: Scene, persons: Sequence[UUID]) -> list[dict[str, Any]]:
    people = [scene.persons[id] for id in persons]
    return [
        {
            "person_id": str(one.id),
            "state": one.state,
            "survivor_id": str(one.survivor_id) if one.survivor_id else None,
            "version": one.version,
        }
        for one in people
    ]


class Unmerge(Request):
    """Set a person free who was merged with others by mistake, whether as one of them or as the survivor."""

    person_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    reason: Reason


@permit("verdict.undo")
async def unmerge(cmd: Unmerge, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Each verdict `same` about the person becomes `different`; everybody is again as before the merge."""
    scene = await scene_of([cmd.person_id], tx)
    person = found(scene.persons.get(cmd.person_id), Person)
    within(actor, person, scene)
    _expect(person, cmd.expected_version)
    links = [one for pair, one in scene.verdicts.items() if cmd.person_id in pair and one.verdict == "same"]
    if not links:
        raise Refused("not-merged", "This person is not merged with anybody.", "conflict")
    _withdraw(links, cmd.reason, scene, actor)
    await tx.session.flush()  # a pair has one verdict at a time
    for one in links:
        pair = one.low_id, one.high_id
        scene.verdicts[pair] = _say(*pair, "different", cmd.reason, actor, tx)
    await regroup(scene, tx)
    await tx.audit("verdict.unmerge", "person", sorted(scene.persons), cmd.reason)
    return {"persons": _standing(scene, sorted(scene.persons))}


class DetachRecord(Request):
    """A row of a list, or an entry, was attached to the wrong person: it speaks of somebody else."""

    record_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    reason: Reason


@permit("record.detach")
async def detach_record(cmd: DetachRecord, actor: Actor, tx: Tx) -> dict[str, Any]:
    """It becomes a person of its own, judged different from whoever had it; the record itself stays as it is."""
    record = await tx.get(Record, cmd.record_id)
    scene = await scene_of([record.person_id], tx)
    holder = scene.persons[record.person_id]
    within(actor, holder, scene)
    await _refuse_detaching(record, tx)
    person = _person_of(record)
    tx.add(person)
    await tx.session.flush()
    tx.add(RecordMove(record_id=record.id, person_id=person.id, reason=cmd.reason, moved_by=actor.id))
    pair = ordered(holder.id, person.id)
    scene.verdicts[pair], scene.persons[person.id] = _say(*pair, "different", cmd.reason, actor, tx), person
    survivor = scene.persons[holder.survivor_id or holder.id]
    tx.emit(PersonUnmerged(person_id=str(survivor.id), restored=[str(person.id)]), of=survivor)
    await regroup(scene, tx, anew=[survivor.id, person.id])
    await tx.audit("record.detach", "person", [holder.id, person.id], cmd.reason)
    return {"record_id": str(record.id), "persons": _standing(scene, [holder.id, person.id])}


#: whether another record says who the person is: one that only changes some fields (a request) does not
_NAMED_ELSEWHERE = """SELECT EXISTS (SELECT FROM attachments a JOIN records r ON r.id = a.record_id
    WHERE a.person_id = $1 AND r.id <> $2 AND r.name <> '' AND r.area <> '')"""


async def _refuse_detaching(record: Record, tx: Tx) -> None:
    if await tx.session.get(RecordMove, record.id):
        raise Refused("record-detached", "This record was detached before. Judge the persons instead.", "conflict")
    if not (record.name and record.area):
        raise Refused("record-names-nobody", "This record only changes some fields: propose another change.")
    if not await (await golden.connection_of(tx)).fetchval(_NAMED_ELSEWHERE, record.person_id, record.id):
        raise Refused("record-only-one", "The person has no other record: there is nothing to tell apart.", "conflict")


def _person_of(record: Record) -> Person:
    """Somebody of whom this record alone speaks; golden.py does the rest."""
    return Person(
        id=new_id(),
        version=0,
        state="active",
        name=record.name,
        name_key=record.name_key,
        area=record.area,
        is_head=record.is_head,
        unmatched=True,
        sources={},
        keys=[],
    )
