"""Who is whom, of the pairs that were weighed: a person to one row, unless two rows are that person's; and what is
doubtful (MATCHING's rules 6 and 7, as `linkage.assign`)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.registry.blocking import Listed
from services.registry.linkage.assign import CERTAIN, MARGIN, REVIEW
from services.registry.linkage.model import Levels, Model, for_a_human
from services.registry.linkage.pairs import compare

How = Literal["nik", "household", "score"]
Band = Literal["same", "review", "new"]

#: two rows of a list are the same person's when the names are at least so alike (linkage.model.LEVELS)
_TWICE_NAME = 3
#: whom a human told apart need not be far apart, but not equally likely either, in bits
_TOLD_APART_MARGIN = 0.5
_NAME = 0
#: so many others are shown beside the likeliest
_OTHERS = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody of whom a row may speak: `bits` of evidence, and the levels of the comparison."""

    person_id: UUID
    bits: float
    levels: Levels


@dataclass(frozen=True, slots=True)
class Match:
    """Of whom a row speaks. `same`: of `person_id`. `new`: of nobody whom the registry knows. `review`: a human must
    say whether of `person_id`, who is the likeliest, or of others in `candidates`, where the likeliest is the first.

    `bits` and `levels` are None where the NIK decided, and for `new`.
    """

    row: int
    person_id: UUID | None
    how: How | None
    band: Band
    bits: float | None = None
    levels: Levels | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(slots=True)
class Pair:
    """A row, by its place in the list, and a person who may be the same. `household`: theirs are linked."""

    at: int
    person: UUID
    levels: Levels
    household: bool
    bits: float = 0.0


class Choice:
    """Who takes whom. `links`: the rows, by their places, that a NIK has linked already."""

    def __init__(
        self, people: Sequence[Listed], links: Mapping[int, UUID], pairs: Sequence[Pair], model: Model
    ) -> None:
        self._people, self._links, self._model = people, links, model
        self._of_row: dict[int, list[Pair]] = defaultdict(list)
        self._of_person: dict[UUID, list[Pair]] = defaultdict(list)
        self._chosen: dict[int, Pair] = {}
        self._taken: dict[UUID, int] = {person: at for at, person in links.items()}
        self._again: dict[int, bool] = {}
        self._apart: set[frozenset[UUID]] = set()
        self._choose(sorted(pairs, key=lambda pair: (-pair.bits, pair.at, pair.person)))
        self._choose_again()

    def _choose(self, pairs: Sequence[Pair]) -> None:
        """The best pair of all, then the best of what is left: each is the best of both whenever it is taken."""
        for pair in pairs:
            if pair.bits < REVIEW:
                break
            self._of_row[pair.at].append(pair)
            self._of_person[pair.person].append(pair)
            if pair.at not in self._chosen and pair.person not in self._taken:
                self._chosen[pair.at] = pair
                self._taken[pair.person] = pair.at

    def _choose_again(self) -> None:
        """Rows that are surely of somebody whom another row took: who stands in the list twice, else a human looks."""
        for at, pairs in self._of_row.items():
            best, taker = pairs[0], self._taken.get(pairs[0].person, at)
            if best.bits < CERTAIN or taker == at:
                continue
            same = self._same(at, taker)
            if same and at in self._chosen:
                del self._taken[self._chosen.pop(at).person]
            if at not in self._chosen:
                self._chosen[at], self._again[at] = best, same

    def _same(self, one: int, other: int) -> bool:
        a, b = self._people[one], self._people[other]
        levels = compare(a.fields, b.fields)
        household = a.kk is not None and a.kk == b.kk
        return (levels[_NAME] or 0) >= _TWICE_NAME and self._model.bits(levels, household=household) >= CERTAIN

    # -------------------------------------------------------------- doubts

    def doubts(self) -> list[tuple[UUID, UUID]]:
        """The chosen persons, each with those who are nearly as likely."""
        return [
            (pair.person, rival.person)
            for pair in self._chosen.values()
            for rival in self._rivals(pair)
            if rival.person != pair.person
        ]

    def tell_apart(self, pairs: set[frozenset[UUID]]) -> None:
        """A human told these persons apart: the likelier of the two is enough."""
        self._apart = pairs

    def _rivals(self, pair: Pair) -> Iterator[Pair]:
        """What the row or the person would choose if not each other, where that is nearly as likely and not taken."""
        if pair.at in self._again:
            return
        for other in self._of_row[pair.at]:
            if other.person != pair.person and pair.bits - other.bits < MARGIN and self._free(other):
                yield other
        for other in self._of_person[pair.person]:
            if other.at != pair.at and pair.bits - other.bits < MARGIN and self._wavers(other):
                yield other

    def _free(self, pair: Pair) -> bool:
        """Whether nobody has a better claim to the pair's person."""
        at = self._taken.get(pair.person)
        return at is None or (at not in self._links and self._chosen[at].bits < pair.bits)

    def _wavers(self, other: Pair) -> bool:
        """Whether another row has nothing better, and is not the same person's second row."""
        chosen = self._chosen.get(other.at)
        return other.at not in self._again and (chosen is None or chosen.bits < other.bits)

    # ------------------------------------------------------------- results

    def match(self, at: int, row: int) -> Match:
        """What is decided about the row at this place; `row` is its number."""
        if at in self._links:
            return Match(row, self._links[at], "nik", "same")
        pair = self._chosen.get(at)
        if pair is None:
            return Match(row, None, None, "new")
        how: How = "household" if pair.household else "score"
        if not self._doubtful(pair):
            return Match(row, pair.person, how, "same", pair.bits, pair.levels)
        return Match(row, pair.person, how, "review", pair.bits, pair.levels, self._shown(pair))

    def _doubtful(self, pair: Pair) -> bool:
        if not self._again.get(pair.at, True):
            return True
        doubtful = pair.bits < CERTAIN or for_a_human(pair.levels, pair.household)
        return doubtful or any(self._counts(pair, rival) for rival in self._rivals(pair))

    def _counts(self, pair: Pair, rival: Pair) -> bool:
        apart = frozenset((pair.person, rival.person)) in self._apart
        return not (apart and pair.bits - rival.bits >= _TOLD_APART_MARGIN)

    def _shown(self, pair: Pair) -> tuple[Candidate, ...]:
        others = [one for one in self._rivals(pair) if one.at == pair.at][:_OTHERS]
        return tuple(Candidate(one.person, one.bits, one.levels) for one in (pair, *others))
