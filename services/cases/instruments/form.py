"""What an instrument's file may hold. The file is data; these models say what it must obey, and a JSON Schema follows.

More points always mean more need or more danger. The rules are ours; each instrument names the source of its content.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, model_validator

from sinergi.events import ClientKind

Risk = Literal["low", "medium", "high", "life"]
#: from the lowest to the highest
LEVELS: tuple[Risk, ...] = ("low", "medium", "high", "life")

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Value = StrictBool | StrictInt | Key
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*\S[^\x00]*$")]
#: from which score on which level is reached; below the first of them it is `low`
Thresholds = dict[Literal["medium", "high", "life"], Annotated[float, Field(gt=0)]]


class Part(BaseModel):
    """A part of a file: nothing in it that is not known here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Part):
    """The same words in Indonesian and in English."""

    id: Words
    en: Words


class Choice(Part):
    """One of an item's possible answers, and what it counts."""

    value: StrictInt | Key
    text: Text
    points: int = Field(ge=0, le=100)


class When(Part):
    """The item is asked only if an earlier item was answered by one of these values."""

    item: Key
    is_: list[Value] = Field(alias="is", min_length=1, max_length=20)


class Item(Part):
    """What every item has. `required`: without its answer the instrument cannot be submitted, if it is asked at all."""

    key: Key
    domain: Key
    text: Text
    hint: Text | None = None
    required: bool = True
    when: When | None = None


class ScaleItem(Item):
    """An answer on a scale that several items share, named in `scales`."""

    kind: Literal["scale"]
    scale: Key


class YesNoItem(Item):
    """Yes or no, each with its points."""

    kind: Literal["yes-no"]
    yes: int = Field(ge=0, le=100)
    no: int = Field(0, ge=0, le=100)


class ChoiceItem(Item):
    """One of several answers."""

    kind: Literal["choice"]
    choices: list[Choice] = Field(min_length=2, max_length=20)


class Band(Part):
    """Numbers from `from` on, up to the next band, count so many points."""

    from_: int = Field(alias="from")
    points: int = Field(ge=0, le=100)


class NumberItem(Item):
    """A whole number; `bands` begin at `minimum` and say what it counts."""

    kind: Literal["number"]
    unit: Text
    minimum: int = Field(ge=0)
    maximum: int = Field(le=10**12)
    bands: list[Band] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _bands_cover_the_range(self) -> "NumberItem":
        starts = [one.from_ for one in self.bands]
        if starts[0] != self.minimum or starts != sorted(set(starts)) or starts[-1] > self.maximum:
            raise ValueError(f"item {self.key}: bands must begin at minimum, rise, and end below maximum")
        return self


AnyItem = Annotated[ScaleItem | YesNoItem | ChoiceItem | NumberItem, Field(discriminator="kind")]


class Scored(Part):
    """How points become one score, which levels the score reaches, and how a level may be read here."""

    score: Literal["sum", "max", "mean"]
    thresholds: Thresholds = {}
    readings: dict[Risk, Text] = {}


class Domain(Scored):
    """A domain: its items' points make its score."""

    key: Key
    title: Text


class Alarm(Part):
    """An answer that by itself gives a level, whatever the scores say, and in words why."""

    item: Key
    is_: list[Value] = Field([], alias="is", max_length=20)
    at_least: int | None = None
    risk: Literal["high", "life"]
    why: Text


class For(Part):
    """Whom the instrument fits; `needs` (codes of PPKS categories) and ages are hints to the worker, no rule."""

    clients: list[ClientKind] = Field(min_length=1)
    needs: list[str] = []
    age_from: int | None = Field(None, ge=0, le=120)
    age_to: int | None = Field(None, ge=0, le=120)


class Instrument(Part):
    """A version of an instrument. `total` scores the domains' scores; `reassess_days` per level, none: never."""

    code: Code
    version: int = Field(ge=1, le=9999)
    title: Text
    source: Words
    dated: date
    for_: For = Field(alias="for")
    scales: dict[Key, list[Choice]] = {}
    domains: list[Domain] = Field(min_length=1, max_length=20)
    items: list[AnyItem] = Field(min_length=1, max_length=100)
    total: Scored | None = None
    alarms: list[Alarm] = Field([], max_length=50)
    reassess_days: dict[Risk, Annotated[int, Field(ge=1, le=1000)]] = {}

    @model_validator(mode="after")
    def _everything_named_is_there(self) -> "Instrument":
        for broken in self._broken_rules():
            raise ValueError(broken)
        return self

    def item(self, key: str) -> AnyItem | None:
        """The item with this key, if there is one."""
        return next((one for one in self.items if one.key == key), None)

    def offered(self, item: AnyItem) -> list[Choice]:
        """The answers that an item offers; none for a number."""
        if isinstance(item, ScaleItem):
            return self.scales[item.scale]
        return item.choices if isinstance(item, ChoiceItem) else []

    def points(self, item: AnyItem) -> list[int]:
        """All points that an item can give."""
        if isinstance(item, YesNoItem):
            return [item.yes, item.no]
        if isinstance(item, NumberItem):
            return [one.points for one in item.bands]
        return [one.points for one in self.offered(item)]

    def accepts(self, item: AnyItem, value: object) -> bool:
        """Whether the value is an answer to the item."""
        if isinstance(item, YesNoItem):
            return isinstance(value, bool)
        if isinstance(item, NumberItem):
            return type(value) is int and item.minimum <= value <= item.maximum
        return any(type(value) is type(one.value) and value == one.value for one in self.offered(item))

    def _broken_rules(self) -> Iterator[str]:
        yield from _repeated("domain", [one.key for one in self.domains])
        yield from _repeated("item", [one.key for one in self.items])
        asked: list[str] = []
        for item in self.items:
            yield from self._broken_item(item, asked)
            asked.append(item.key)
        for domain in self.domains:
            if not any(item.domain == domain.key for item in self.items):
                yield f"domain {domain.key} has no items"
        for alarm in self.alarms:
            yield from self._broken_alarm(alarm)

    def _broken_item(self, item: AnyItem, asked: list[str]) -> Iterator[str]:
        if item.domain not in {one.key for one in self.domains}:
            yield f"item {item.key} names the domain {item.domain}, which is not there"
        if isinstance(item, ScaleItem) and item.scale not in self.scales:
            yield f"item {item.key} names the scale {item.scale}, which is not there"
        yield from _repeated(f"answer of item {item.key}", [str(one.value) for one in self.offered(item)])
        if item.when and item.when.item not in asked:
            yield f"item {item.key} depends on {item.when.item}, which is not asked before it"
        elif item.when:
            yield from self._unanswerable(f"item {item.key}", item.when.item, item.when.is_)

    def _broken_alarm(self, alarm: Alarm) -> Iterator[str]:
        item = self.item(alarm.item)
        if item is None:
            yield f"an alarm names the item {alarm.item}, which is not there"
            return
        if bool(alarm.is_) == (alarm.at_least is not None):
            yield f"the alarm of {alarm.item} needs either `is` or `at_least`"
        yield from self._unanswerable("an alarm", alarm.item, alarm.is_)
        if alarm.at_least is not None and not self._can_reach(item, alarm.at_least):
            yield f"the alarm of {alarm.item} names a number that no answer reaches"

    def _can_reach(self, item: AnyItem, number: int) -> bool:
        if isinstance(item, NumberItem):
            return number <= item.maximum
        return any(isinstance(one.value, int) and one.value >= number for one in self.offered(item))

    def _unanswerable(self, who: str, key: str, values: list[Value]) -> Iterator[str]:
        item = self.item(key)
        for value in values:
            if item and not self.accepts(item, value):
                yield f"{who} names {value!r}, which is no answer to {key}"


def _repeated(what: str, keys: list[str]) -> Iterator[str]:
    yield from (f"{what} {key} is there twice" for key in sorted({one for one in keys if keys.count(one) > 1}))
