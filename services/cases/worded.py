"""Instruments and assessments in words: in the asked language, by the texts of the instrument's file."""

from typing import Any, Literal

from services.cases.instruments import Finding, Instrument, Judgement, Worked
from services.cases.instruments.form import AnyItem, NumberItem, Scored, Text, Value, YesNoItem
from services.cases.instruments.schema import answers_schema
from services.cases.instruments.scoring import points_of

Lang = Literal["id", "en"]

_YES_NO = {True: Text(id="Ya", en="Yes"), False: Text(id="Tidak", en="No")}
_TOTAL = Text(id="Seluruhnya", en="In all")


def say(text: Text, lang: Lang) -> str:
    """The text in a language."""
    return text.id if lang == "id" else text.en


def summary(used: Instrument, lang: Lang) -> dict[str, Any]:
    """What helps to choose an instrument."""
    fits = used.for_.model_dump()
    named = {"code": used.code, "version": used.version, "title": say(used.title, lang)}
    return named | {"source": used.source, "dated": used.dated, "for": fits, "items": len(used.items)}


def whole(used: Instrument, lang: Lang) -> dict[str, Any]:
    """The instrument as a form needs it: domains with their items and answers, and the schema of what to send."""
    return summary(used, lang) | {
        "domains": [
            {
                "key": one.key,
                "title": say(one.title, lang),
                "items": [_item(used, item, lang) for item in used.items if item.domain == one.key],
            }
            for one in used.domains
        ],
        "answers_schema": answers_schema(used),
    }


def title_of(used: Instrument | None, key: str, lang: Lang) -> str:
    """A domain's title; its key where the instrument is not known any more."""
    if key == "total":
        return say(_TOTAL, lang)
    titles = {one.key: say(one.title, lang) for one in used.domains} if used else {}
    return titles.get(key, key)


def explained(used: Instrument | None, judged: Judgement, lang: Lang) -> dict[str, Any]:
    """The full working: each score against its thresholds, each alarm with its why, and what decided."""
    scores = [*judged.domains, *([judged.total] if judged.total else [])]
    return {
        "because": [_finding(used, one, lang) for one in judged.because],
        "scores": [_score(used, one, lang) for one in scores],
        "alarms": [_finding(used, one, lang) for one in judged.alarms],
    }


def answered(used: Instrument | None, answers: dict[str, Any], remarks: dict[str, str], lang: Lang) -> list[Any]:
    """Each answer in words, with its points and remark; codes alone where the instrument is not known any more."""
    known = {item.key: item for item in used.items} if used else {}
    lines = []
    for key in dict.fromkeys([*known, *answers, *remarks]):
        line: dict[str, Any] = {"item": key, "value": answers.get(key), "remark": remarks.get(key, "")}
        if used and key in known and key in answers:
            points = points_of(used, known[key], answers[key])
            line |= {"text": say(known[key].text, lang), "points": points}
            line |= {"answer": _answer(used, known[key], answers[key], lang), "domain": known[key].domain}
        if key in answers or key in remarks:
            lines.append(line)
    return lines


def _item(used: Instrument, item: AnyItem, lang: Lang) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": item.key, "kind": item.kind, "text": say(item.text, lang)}
    shown |= {"hint": say(item.hint, lang) if item.hint else "", "required": item.required, "when": None}
    if item.when:
        other = next(one for one in used.items if one.key == item.when.item)
        values = [_answer(used, other, value, lang) for value in item.when.is_]
        shown["when"] = {"item": other.key, "is": item.when.is_, "text": say(other.text, lang), "answers": values}
    if isinstance(item, NumberItem):
        return shown | {"unit": say(item.unit, lang), "minimum": item.minimum, "maximum": item.maximum}
    offered: list[Value] = [True, False] if isinstance(item, YesNoItem) else [one.value for one in used.offered(item)]
    return shown | {"choices": [{"value": one, "text": _answer(used, item, one, lang)} for one in offered]}


def _answer(used: Instrument, item: AnyItem, value: Any, lang: Lang) -> str:
    if isinstance(item, YesNoItem):
        return say(_YES_NO[bool(value)], lang)
    if isinstance(item, NumberItem):
        return f"{value} {say(item.unit, lang)}"
    return next(say(one.text, lang) for one in used.offered(item) if one.value == value)


def _score(used: Instrument | None, one: Worked, lang: Lang) -> dict[str, Any]:
    title, threshold = title_of(used, one.key, lang), one.thresholds.get(one.risk)
    reached = "" if threshold is None else f", ≥ {threshold:g}"
    score = "–" if one.score is None else f"{one.score:g}"
    words = f"{title}: {score} / {one.most:g}{reached} → {one.risk}"
    reading = _scored(used, one.key).readings.get(one.risk) if used else None
    said = {"title": title, "words": words, "reading": say(reading, lang) if reading else ""}
    return one.model_dump() | said


def _scored(used: Instrument, key: str) -> Scored:
    domain: Scored | None = next((one for one in used.domains if one.key == key), used.total)
    return domain or Scored(score="max")


def _finding(used: Instrument | None, one: Finding, lang: Lang) -> dict[str, Any]:
    why = _why(used, one, lang) if used and one.kind == "alarm" else ""
    words = why or f"{title_of(used, one.domain, lang)}: {one.score or 0:g} ≥ {one.threshold or 0:g} → {one.risk}"
    return one.model_dump() | {"title": title_of(used, one.domain, lang), "words": words}


def _why(used: Instrument, one: Finding, lang: Lang) -> str:
    rung = [alarm for alarm in used.alarms if (alarm.item, alarm.risk) == (one.item, one.risk)]
    return say(rung[0].why, lang) if rung else ""
