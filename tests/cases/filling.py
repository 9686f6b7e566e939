"""How tests fill in any instrument: answers that fit it, drawn by hypothesis, and the best and the worst ones."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import strategies as some

from services.cases.instruments import Instrument
from services.cases.instruments.form import AnyItem, NumberItem, Value, YesNoItem
from services.cases.instruments.scoring import asked_items, points_of


def values(used: Instrument, item: AnyItem) -> list[Value]:
    """The answers to an item: all of them, or for a number the first and last of each band."""
    if isinstance(item, YesNoItem):
        return [True, False]
    if isinstance(item, NumberItem):
        starts = [one.from_ for one in item.bands]
        return sorted({*starts, *(one - 1 for one in starts[1:]), item.maximum})
    return [one.value for one in used.offered(item)]


@some.composite
def fitting(draw: some.DrawFn, used: Instrument) -> dict[str, Any]:
    """Answers that the instrument takes."""
    answers: dict[str, Any] = {}
    for item in used.items:
        asked = item in asked_items(used, answers)
        if asked and (item.required or draw(some.booleans())):
            answers[item.key] = draw(some.sampled_from(values(used, item)))
    return answers


def worst_ways(used: Instrument) -> Iterator[dict[str, Any]]:
    """The worst answers, for each way to answer the items on which others depend."""
    deciding = {item.when.item for item in used.items if item.when}
    offered = [[(item.key, one) for one in values(used, item)] for item in used.items if item.key in deciding]
    for way in product(*offered):
        yield extreme(used, worst=True, given=dict(way))


def extreme(used: Instrument, *, worst: bool, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """For each asked item the answer that counts most, or least; those `given` are as they are."""
    answers: dict[str, Any] = {}
    for item in used.items:
        wanted = worst or item.required or item.key in (given or {})
        if wanted and item in asked_items(used, answers):
            offered = [given[item.key]] if given and item.key in given else values(used, item)
            answers[item.key] = sorted(offered, key=lambda one, of=item: points_of(used, of, one))[-1 if worst else 0]
    return answers
