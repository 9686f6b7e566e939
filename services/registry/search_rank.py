"""How well a person answers a search: the words of the name whatever their order, and the year of birth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA, Indel

#: who is so much like the search is found: nobody less like it is looked for
LIKE = 0.8
#: what a year of birth takes off: one year beside it, unknown here, another
_NEXT_YEAR, _NO_YEAR, _OTHER_YEAR = 0.04, 0.08, 0.30
#: one name may have words that the other lacks (a husband's name, a second name): how little that counts
_WHOLE = 0.7
#: words less alike are different words
_SAME_WORD = 0.5
#: an initial that stands for a word says less than the word; so does the beginning of a word
_INITIAL, _BEGINNING = 0.9, 0.8


@dataclass(frozen=True)
class Wanted:
    """Whom a search means: the words of a cleaned name, and the year of birth if it was given."""

    words: Sequence[str]
    year: int | None = None
    _names: dict[str, float] = field(default_factory=dict, repr=False)
    _likeness: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)

    def score(self, name_key: str, year: int | None) -> float:
        """From about 0 to 1, 1 for the same words and year."""
        known = self._names.get(name_key)
        if known is None:
            known = self._names[name_key] = self._name(name_key)
        return known - self._year(year)

    def _name(self, name_key: str) -> float:
        """The letters in words that both have, against all letters asked for and against all letters there."""
        left, letters, alike, asked = name_key.split(), 0, 0.0, 0
        for word in self.words:
            likeness, other = max(((self._like(word, one), one) for one in left), default=(0.0, ""))
            if likeness < _SAME_WORD:
                asked += len(word)
                continue
            left.remove(other)
            letters += (weight := min(len(word), len(other)))
            alike += likeness * weight
        more, less = sorted((alike / (letters + asked), alike / (letters + sum(map(len, left)) or 1)), reverse=True)
        by_word = _WHOLE * more + (1 - _WHOLE) * less
        # a space left out or put in makes other words of the same letters
        return by_word if by_word > LIKE else max(by_word, self._letters(name_key))

    def _letters(self, name_key: str) -> float:
        return Indel.normalized_similarity("".join(self.words), name_key.replace(" ", ""), score_cutoff=LIKE)

    def _like(self, word: str, other: str) -> float:
        """How alike two words are; few words are in many names, so each pair is compared once."""
        known = self._likeness.get((word, other))
        if known is None:
            known = self._likeness[word, other] = _alike(word, other)
        return known

    def _year(self, year: int | None) -> float:
        if self.year is None or self.year == year:
            return 0.0
        if year is None:
            return _NO_YEAR
        return _NEXT_YEAR if abs(self.year - year) == 1 else _OTHER_YEAR


def wanted(name_key: str, year: int | None = None) -> Wanted:
    """The search for this cleaned name: its longest words choose first among the words of a person."""
    return Wanted(sorted(name_key.split(), key=len, reverse=True), year)


def _alike(word: str, other: str) -> float:
    if word == other:
        return 1.0
    if len(word) == 1 or len(other) == 1:
        return _INITIAL if word[0] == other[0] else 0.0
    likeness: float = OSA.normalized_similarity(word, other)
    return max(_BEGINNING, likeness) if other.startswith(word) and len(word) > 2 else likeness
