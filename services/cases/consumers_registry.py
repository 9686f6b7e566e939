"""What this service hears from the registry: each fact is a ripple to the open cases of its clients."""

from services.cases import ripples
from services.cases.consumers import bus
from sinergi.auth import service_actor
from sinergi.db import Tx
from sinergi.events import (
    GroupDissolved,
    HouseholdMerged,
    HouseholdSplit,
    ImportPersonsChanged,
    PersonChanged,
    PersonDied,
    PersonMerged,
    PersonMoved,
    PersonUnmerged,
)

_WE = service_actor("cases")


@bus.on(PersonMerged)
async def when_persons_merged_follow_with_their_cases(event: PersonMerged, tx: Tx) -> None:
    """The case is the survivor's; of two, both workers are told."""
    await ripples.follow_merge(event, _WE, tx)


@bus.on(PersonUnmerged)
async def when_persons_unmerged_follow_with_their_cases(event: PersonUnmerged, tx: Tx) -> None:
    """The case is its first client's again."""
    await ripples.follow_unmerge(event, _WE, tx)


@bus.on(PersonDied)
async def when_person_died_ask_the_worker(event: PersonDied, tx: Tx) -> None:
    """Stop what runs, close the case."""
    await ripples.follow_death(event, _WE, tx)


@bus.on(PersonChanged)
async def when_person_changed_take_back_a_death(event: PersonChanged, tx: Tx) -> None:
    """Nothing else of it concerns a case."""
    await ripples.follow_change(event, _WE, tx)


@bus.on(PersonMoved)
async def when_person_moved_ask_the_worker(event: PersonMoved, tx: Tx) -> None:
    """Into another regency: a transfer?"""
    await ripples.follow_move(event, _WE, tx)


@bus.on(HouseholdSplit)
@bus.on(HouseholdMerged)
async def when_household_changed_ask_the_worker(event: HouseholdSplit | HouseholdMerged, tx: Tx) -> None:
    """The client is not the same any more."""
    await ripples.follow_household(event, _WE, tx)


@bus.on(GroupDissolved)
async def when_group_dissolved_ask_the_worker(event: GroupDissolved, tx: Tx) -> None:
    """The client has ended."""
    await ripples.follow_group_end(event, _WE, tx)


@bus.on(ImportPersonsChanged)
async def when_a_list_changed_persons_tell_their_workers(event: ImportPersonsChanged, tx: Tx) -> None:
    """Passed over unless it names a client."""
    await ripples.follow_list(event, _WE, tx)
