"""Who lives together in a sample household: roles, sexes and ages that fit, before anyone has a name."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

HEAD, WIFE, CHILD = "Kepala Keluarga", "Istri", "Anak"
GRANDCHILD, PARENT, PARENT_IN_LAW, RELATIVE = "Cucu", "Orang Tua", "Mertua", "Famili Lain"

# Households of 1, 2, … 10 people in a thousand: 3.04 people on average, as in the nation (DOMAIN.md).
_SIZES = tuple(accumulate((130, 248, 272, 213, 96, 29, 7, 3, 1, 1)))
# Families of such a size on one KK where the list is crowded, 1 to 4 in a thousand: 7.07 people on average,
# as in the seed's list of 1.6 million people and 226,412 KK (DOMAIN.md).
_FAMILIES = tuple(accumulate((200, 400, 274, 126)))
_YOUNGEST_MOTHER, _OLDEST_MOTHER = 18, 44  # years of age when a child is born
_SPACING = 1.3  # years between two children, at least; birth falls in the first 40 % of it, so nine months remain


@dataclass(frozen=True, slots=True)
class Member:
    """One place in a household: the role on the kartu keluarga, the sex (L or P) and the age in years."""

    role: str
    sex: str
    age: float


def members(rng: Random) -> Iterator[Member]:
    """The members of one household, the head first; 1 to 10 of them, 3.04 on average."""
    others = bisect(_SIZES, rng.random() * _SIZES[-1])
    if others == 0:
        yield Member(HEAD, _sex(rng, 0.5), 20 + 65 * rng.random())
        return
    sex = _sex(rng, 0.82)
    couple = sex == "L" and rng.random() < 0.9
    children = others - couple
    kin = children >= 2 and rng.random() < 0.22
    yield from _parents_and_rest(rng, sex, couple, children - kin, kin)


def families(rng: Random) -> int:
    """How many families share one KK in a crowded list: 1 to 4, 2.33 on average."""
    return 1 + bisect(_FAMILIES, rng.random() * _FAMILIES[-1])


def _parents_and_rest(rng: Random, sex: str, couple: bool, children: int, kin: bool) -> Iterator[Member]:
    youngest = _YOUNGEST_MOTHER + 1 + _SPACING * children
    mother = youngest + (76 - youngest) * rng.random() ** 1.6
    head = mother if sex == "P" else mother + max(-1.0, rng.gauss(3, 3))
    yield Member(HEAD, sex, head)
    if couple:
        yield Member(WIFE, "P", mother)
    yield from _children(rng, mother, children)
    if kin:
        yield _kin(rng, head, couple)


def _children(rng: Random, mother: float, children: int) -> Iterator[Member]:
    """The eldest first; in an old couple's household the youngest is sometimes a grandchild."""
    latest = min(_OLDEST_MOTHER, mother)
    start = _YOUNGEST_MOTHER + rng.random() * min(12.0, latest - _SPACING * children - _YOUNGEST_MOTHER)
    gap = min((latest - start) / children, _SPACING + 4 * rng.random()) if children else 0.0
    grandchild = mother > 48 and rng.random() < 0.3
    for place in range(children):
        if grandchild and place == children - 1:
            yield Member(GRANDCHILD, _sex(rng, 0.51), rng.random() * min(16.0, mother - 42))
        else:
            yield Member(CHILD, _sex(rng, 0.51), mother - start - gap * (place + 0.4 * rng.random()))


def _kin(rng: Random, head: float, couple: bool) -> Member:
    if head > 62 or rng.random() < 0.25:
        return Member(RELATIVE, _sex(rng, 0.5), 8 + 50 * rng.random())
    role = PARENT_IN_LAW if couple and rng.random() < 0.4 else PARENT
    return Member(role, _sex(rng, 0.3), head + 19 + 17 * rng.random())


def _sex(rng: Random, men: float) -> str:
    return "L" if rng.random() < men else "P"
