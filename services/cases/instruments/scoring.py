"""From answers to scores, levels and a risk, each with its working: nothing here knows any instrument in particular."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from services.cases.instruments.form import (
    LEVELS,
    Alarm,
    AnyItem,
    Instrument,
    NumberItem,
    Risk,
    Scored,
    Value,
    YesNoItem,
)
from sinergi.problems import Refused

Answers = Mapping[str, Value]


class Finding(BaseModel):
    """Why a risk is what it is: a score reached a threshold, or an answer is an alarm by itself.

    `domain` names the domain, for an alarm that of its item, and for the total `total`.
    """

    kind: Literal["domain", "total", "alarm"] = "domain"
    domain: str
    item: str | None = None
    value: Value | None = None
    score: float | None = None
    threshold: float | None = None
    risk: Risk


class Worked(BaseModel):
    """A score and how it was worked out, from `least` to `most`; `score` None: nothing was answered."""

    key: str
    method: Literal["sum", "max", "mean"]
    score: float | None
    least: float
    most: float
    thresholds: dict[str, float]
    risk: Risk


class Judgement(BaseModel):
    """What an instrument says of answers: the risk, because of what, and the whole working."""

    risk: Risk
    because: list[Finding]
    domains: list[Worked]
    total: Worked | None
    alarms: list[Finding]


def judge(used: Instrument, answers: Answers) -> Judgement:
    """The highest level that a domain, the total or an alarm reaches, and all that gave it; nothing gives the lowest.

    `Refused` (answers-not-valid) when an answer is missing, unknown, off its scale, or to what was not asked.
    """
    check(used, answers)
    domains = [_domain(used, one.key, one, answers) for one in used.domains]
    total = _total(used.total, domains) if used.total else None
    alarms = [_alarmed(used, one, answers) for one in used.alarms if _rings(one, answers)]
    findings = [_found("domain", one) for one in domains] + ([_found("total", total)] if total else []) + alarms
    risk = max((one.risk for one in findings), key=LEVELS.index)
    because = [one for one in findings if one.risk == risk] if risk != LEVELS[0] else []
    return Judgement(risk=risk, because=because, domains=domains, total=total, alarms=alarms)


def check(used: Instrument, answers: Answers, *, whole: bool = True) -> None:
    """`Refused` (answers-not-valid), naming the items, unless the answers fit; a draft need not be `whole`."""
    wrong = _wrong(used, answers, whole)
    if any(wrong.values()):
        sentence = "Answer each item that is asked, as it offers; leave out what is not asked."
        raise Refused("answers-not-valid", sentence, "invalid", **wrong)


def asked_items(used: Instrument, answers: Answers) -> list[AnyItem]:
    """The items that are asked, given these answers: an item that depends on one not asked is not asked either."""
    asked: dict[str, AnyItem] = {}
    for item in used.items:
        if item.when is None or (item.when.item in asked and _is_one_of(answers.get(item.when.item), item.when.is_)):
            asked[item.key] = item
    return list(asked.values())


def still_fitting(used: Instrument, answers: Answers) -> dict[str, Value]:
    """Of answers to another version those that this one takes as well."""
    kept: dict[str, Value] = {}
    for item in used.items:
        if item.key in answers and item in asked_items(used, kept) and used.accepts(item, answers[item.key]):
            kept[item.key] = answers[item.key]
    return kept


def points_of(used: Instrument, item: AnyItem, answer: Value) -> int:
    """What an answer counts."""
    if isinstance(item, YesNoItem):
        return item.yes if answer else item.no
    if isinstance(item, NumberItem):
        return [one.points for one in item.bands if one.from_ <= int(answer)][-1]
    return next(one.points for one in used.offered(item) if one.value == answer)


def reach(used: Instrument, domain: str, method: str) -> tuple[float, float]:
    """The least and the most that a domain's score can be: an item that need not be answered may count nothing."""
    items = [one for one in used.items if one.domain == domain]
    sure = [one for one in items if one.required and one.when is None]
    least = [min(used.points(one)) for one in (items if method == "mean" else sure)]
    most = [max(used.points(one)) for one in items]
    if method == "sum":
        return sum(least), sum(most)
    if method == "max":
        return max(least, default=0), max(most)
    return min(least), max(most)


def unreachable(used: Instrument) -> Iterator[str]:
    """Thresholds that no answers can reach, that every answers reach, or that do not rise with their levels."""
    domains = [_domain(used, one.key, one, {}) for one in used.domains]
    for one in [*domains, *([_total(used.total, domains)] if used.total else [])]:
        rising = [one.thresholds[level] for level in LEVELS if level in one.thresholds]
        if rising != sorted(set(rising)):
            yield f"the thresholds of {one.key} do not rise with their levels"
        for threshold in rising:
            if not one.least < threshold <= one.most:
                yield f"the threshold {threshold:g} of {one.key} lies outside {one.least:g} to {one.most:g}"


def _domain(used: Instrument, key: str, how: Scored, answers: Answers) -> Worked:
    items = [one for one in used.items if one.domain == key and one.key in answers]
    points = [points_of(used, one, answers[one.key]) for one in items]
    least, most = reach(used, key, how.score)
    return _worked(key, how, points, least, most)


def _total(how: Scored, domains: Sequence[Worked]) -> Worked:
    scores = [one.score for one in domains if one.score is not None]
    least, most = [one.least for one in domains], [one.most for one in domains]
    if how.score == "sum":
        return _worked("total", how, scores, sum(least), sum(most))
    return _worked("total", how, scores, (max if how.score == "max" else min)(least), max(most))


def _worked(key: str, how: Scored, points: Sequence[float], least: float, most: float) -> Worked:
    score = _combined(how.score, points)
    risk = _level(how, score)
    thresholds = {level: value for level, value in how.thresholds.items()}
    return Worked(key=key, method=how.score, score=score, least=least, most=most, thresholds=thresholds, risk=risk)


def _combined(method: str, points: Sequence[float]) -> float | None:
    if not points:
        return None
    if method == "mean":
        return round(sum(points) / len(points), 2)
    return sum(points) if method == "sum" else max(points)


def _level(how: Scored, score: float | None) -> Risk:
    reached = [level for level, threshold in how.thresholds.items() if score is not None and score >= threshold]
    return max(reached, key=LEVELS.index, default=LEVELS[0])


def _found(kind: Literal["domain", "total"], one: Worked) -> Finding:
    return Finding(kind=kind, domain=one.key, score=one.score, threshold=one.thresholds.get(one.risk), risk=one.risk)


def _rings(alarm: Alarm, answers: Answers) -> bool:
    value = answers.get(alarm.item)
    if alarm.at_least is not None:
        return type(value) is int and value >= alarm.at_least
    return _is_one_of(value, alarm.is_)


def _alarmed(used: Instrument, alarm: Alarm, answers: Answers) -> Finding:
    item = used.item(alarm.item)
    assert item is not None
    return Finding(kind="alarm", domain=item.domain, item=alarm.item, value=answers[alarm.item], risk=alarm.risk)


def _wrong(used: Instrument, answers: Answers, whole: bool) -> dict[str, list[str]]:
    known = {item.key: item for item in used.items}
    asked = {item.key for item in asked_items(used, answers)}
    given = [item for item in used.items if item.key in answers]
    return {
        "missing": [one.key for one in used.items if whole and one.required and one.key in asked - answers.keys()],
        "unknown": sorted(answers.keys() - known),
        "off_scale": [one.key for one in given if not used.accepts(one, answers[one.key])],
        "not_asked": [one.key for one in given if one.key not in asked and (whole or _is_decided(one, answers))],
    }


def _is_decided(item: AnyItem, answers: Answers) -> bool:
    """Whether the answer on which the item depends is given; in a draft it may come later."""
    return item.when is not None and item.when.item in answers


def _is_one_of(value: Value | None, values: Sequence[Value]) -> bool:
    """`True` is not 1: JSON tells them apart."""
    return any(type(value) is type(one) and value == one for one in values)
