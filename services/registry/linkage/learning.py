"""Weights learned by EM (expectation, maximization) from counts of patterns: no pair is looked at again.

A stratum of few pairs tells little, so learning begins from known weights, which count as so many pairs.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.registry.linkage.model import FIELDS, LEVELS, STRATA, Levels, Model, Stratum, Table

#: (place in STRATA, levels) -> how many candidate pairs
Patterns = Counter[tuple[int, Levels]]

ROUNDS = 20
#: How many pairs the beginning weights count for. What the same person's rows look like (m) is a matter of how people
#: write, and stays (`Model.known_pairs`); chance agreement (u) and the share of matches are a matter of the lists.
KNOWN_U, KNOWN_SHARE = 100.0, 2.0
#: weights that know nothing of any lists give way sooner
PLAIN_PAIRS = 100.0
#: the share of matches is a matter of these lists alone: learning begins in the middle
EVEN_SHARE = 0.5
#: no level is rarer than this: no mistake is impossible (m), and the lists are too short to tell (u)
FLOOR_M, FLOOR_U = 0.005, 1e-5
#: the share of matches moves less than this in a round: nothing more is learned
SETTLED = 1e-5


def learn(patterns: Patterns, seed: Model, name_share: float) -> Model:
    """The model that explains the patterns best, beginning from the seed. A second of work for 100,000 patterns."""
    strata = []
    for place in range(len(STRATA)):
        counts = [(levels, count) for (stratum, levels), count in patterns.items() if stratum == place]
        strata.append(_learn(counts, seed.strata[place], seed.known_pairs))
    return Model(tuple(strata), name_share)


def bounded(model: Model, patterns: Patterns, most: int) -> Model:
    """The model with fewer matches to begin with, where it believes in more of them than there are rows to match.

    Of two lists about other people EM has no true pair to learn from, and takes the commonest likeness for one: what
    60,000 strangers of one street agreed in was a link with 14 bits to begin with (seen).
    """
    totals = Counter[int]()
    for (place, _), count in patterns.items():
        totals[place] += count
    believed = sum(one.share * totals[place] for place, one in enumerate(model.strata))
    if believed <= most:
        return model
    strata = tuple(replace(one, share=max(one.share * most / believed, FLOOR_U)) for one in model.strata)
    return replace(model, strata=strata)


def learn_from(same: Patterns, other: Patterns, name_share: float) -> Model:
    """The model of pairs of which the truth is known: those that are the same person, and those that are not."""
    strata = []
    for place in range(len(STRATA)):
        parts = [[(levels, count) for (s, levels), count in side.items() if s == place] for side in (same, other)]
        matched, not_matched = (sum(count for _, count in part) for part in parts)
        share = (matched + 1) / (matched + not_matched + 2)
        strata.append(Stratum(share, _shares(parts[0], _EVEN, 0.2, FLOOR_M), _shares(parts[1], _EVEN, 0.2, FLOOR_U)))
    return Model(tuple(strata), name_share)


def plain() -> Model:
    """Weights that know nothing of any lists, only that the same person's rows agree more often than others': where
    learning begins for lists that are unlike ours."""
    m, u = (tuple(_rising(len(LEVELS[name]), highest) for name in FIELDS) for highest in (0.8, 0.05))
    return Model(tuple(Stratum(EVEN_SHARE, m, u) for _ in STRATA), 1e-4, PLAIN_PAIRS)


def _rising(levels: int, highest: float) -> tuple[float, ...]:
    return (*((1 - highest) / (levels - 1) for _ in range(levels - 1)), highest)


def _learn(counts: Sequence[tuple[Levels, int]], seed: Stratum, known: float) -> Stratum:
    now = Stratum(EVEN_SHARE, seed.m, seed.u)
    total = sum(count for _, count in counts)
    if not counts:
        return seed
    for _ in range(ROUNDS):
        before, same, other = now.share, [], []
        odds = _odds_of(now)
        for levels, count in counts:
            part = count * odds(levels)
            same.append((levels, part))
            other.append((levels, count - part))
        matched = sum(part for _, part in same)
        share = (matched + KNOWN_SHARE * EVEN_SHARE) / (total + KNOWN_SHARE)
        now = Stratum(share, _shares(same, seed.m, known, FLOOR_M), _shares(other, seed.u, KNOWN_U, FLOOR_U))
        if abs(now.share - before) < SETTLED:
            break
    return now


def _odds_of(one: Stratum) -> Callable[[Levels], float]:
    """Tells the probability that a pair of these levels is the same person."""
    begin = one.share / (1 - one.share)
    ratios = [[m / u for m, u in zip(*both, strict=True)] for both in zip(one.m, one.u, strict=True)]

    def probability(levels: Levels) -> float:
        odds = begin
        for field, level in zip(ratios, levels, strict=True):
            if level is not None:
                odds *= field[level]
        return odds / (1 + odds)

    return probability


def _shares(parts: Sequence[tuple[Levels, float]], known: Table, weight: float, floor: float) -> Table:
    """How often each level of each field is seen, the known shares counting for `weight` pairs."""
    sums = [[weight * share for share in field] for field in known]
    for levels, part in parts:
        for field, level in zip(sums, levels, strict=True):
            if level is not None:
                field[level] += part
    return tuple(tuple(max(level / sum(field), floor) for level in field) for field in sums)


#: nothing is known: each level as likely as another
_EVEN: Table = tuple((1 / len(LEVELS[name]),) * len(LEVELS[name]) for name in FIELDS)
