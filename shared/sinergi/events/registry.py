"""What the registry tells: lists, people, households, groups."""

from datetime import date
from typing import Literal

from sinergi.events.event import Event


class ImportCompleted(Event):
    """A list was read to its end: good rows are in, bad rows are reported."""

    name = "import.completed.v1"
    import_id: str
    source: str
    rows_good: int
    rows_bad: int
    persons_new: int
    persons_matched: int
    persons_changed: int = 0
    pairs_for_review: int = 0


class ImportPersonsChanged(Event):
    """A list changed what we hold to be true about these persons (at most 1,000), in some of these fields."""

    name = "import.persons_changed.v1"
    import_id: str
    persons: list[str]
    fields: list[str]


class GroupFormed(Event):
    """A group of people was formed; KUBE: 5-20 heads of family of one kecamatan (Permensos 2/2019)."""

    name = "group.formed.v1"
    group_id: str
    kind: Literal["kube"]
    area: str
    members: int


class GroupChanged(Event):
    """Members left a group or came into it; `members` is how many it has now."""

    name = "group.changed.v1"
    group_id: str
    members: int


class GroupDissolved(Event):
    """A group has ended; its members may join another."""

    name = "group.dissolved.v1"
    group_id: str


class PersonMerged(Event):
    """These persons turned out to be this one (the oldest of them): whoever holds one of them holds this one."""

    name = "person.merged.v1"
    person_id: str
    merged: list[str]


class PersonUnmerged(Event):
    """These persons turned out not to be this one: each stands for itself again, as it was."""

    name = "person.unmerged.v1"
    person_id: str
    restored: list[str]


class PersonRegistered(Event):
    """A person was entered by hand. `provisional`: without a NIK, which may be bound later."""

    name = "person.registered.v1"
    person_id: str
    area: str
    provisional: bool


class PersonChanged(Event):
    """What we hold to be true about a person changed, in these fields."""

    name = "person.changed.v1"
    person_id: str
    fields: list[str]


class PersonDied(Event):
    """A person died. Undone by `person.changed` with the field `died_on`."""

    name = "person.died.v1"
    person_id: str
    died_on: date


class PersonMoved(Event):
    """A person lives elsewhere, or in another household (None: in none)."""

    name = "person.moved.v1"
    person_id: str
    from_area: str
    to_area: str
    household_id: str | None


class HouseholdSplit(Event):
    """Members left a household and are a new one."""

    name = "household.split.v1"
    household_id: str
    new_household_id: str
    persons: list[str]


class HouseholdMerged(Event):
    """All members of another household, which is empty now, came into this one."""

    name = "household.merged.v1"
    household_id: str
    merged_household_id: str
    persons: list[str]


class HouseholdChanged(Event):
    """Something about a household changed: area, kk, head, members."""

    name = "household.changed.v1"
    household_id: str
    fields: list[str]
