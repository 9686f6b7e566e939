"""What may happen to a placement when: one table. Source: DOMAIN.md, "Casework" (panti); the states are ours."""

from enum import StrEnum

from sinergi.problems import Refused


class PlacementState(StrEnum):
    """Where a placement stands. Inside: waiting … discharged. Outside: requested, placed, ended."""

    REQUESTED = "requested"
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    ON_LEAVE = "on_leave"
    DISCHARGED = "discharged"
    PLACED = "placed"
    ENDED = "ended"
    CANCELLED = "cancelled"


_S = PlacementState

#: what is done -> {state before: state after}; what is not here is refused
PLACEMENTS: dict[str, dict[PlacementState, PlacementState]] = {
    "queue": {_S.REQUESTED: _S.WAITING, _S.OFFERED: _S.WAITING, _S.ACCEPTED: _S.WAITING},
    "offer": {_S.REQUESTED: _S.OFFERED, _S.WAITING: _S.OFFERED},
    "accept": {_S.OFFERED: _S.ACCEPTED},
    "refuse": {_S.OFFERED: _S.WAITING, _S.ACCEPTED: _S.WAITING},
    "seek": {_S.WAITING: _S.WAITING},
    "prioritise": {_S.WAITING: _S.WAITING},
    # somebody who waits, too: a bed that was refused by all others may be free
    "admit": {_S.WAITING: _S.ADMITTED, _S.OFFERED: _S.ADMITTED, _S.ACCEPTED: _S.ADMITTED},
    "override": {_S.WAITING: _S.ADMITTED},
    "leave": {_S.ADMITTED: _S.ON_LEAVE},
    "return": {_S.ON_LEAVE: _S.ADMITTED},
    "transfer": {_S.ADMITTED: _S.ADMITTED},
    "discharge": {_S.ADMITTED: _S.DISCHARGED, _S.ON_LEAVE: _S.DISCHARGED},
    "place": {_S.REQUESTED: _S.PLACED},
    "end": {_S.PLACED: _S.ENDED},
    "cancel": dict.fromkeys((_S.REQUESTED, _S.WAITING, _S.OFFERED, _S.ACCEPTED), _S.CANCELLED),
}

OVER = frozenset({_S.DISCHARGED, _S.ENDED, _S.CANCELLED})
#: a bed is held for the person, who has not come yet
HELD = frozenset({_S.OFFERED, _S.ACCEPTED})


def next_placement_state(doing: str, state: str) -> PlacementState:
    """The state after doing this; `Refused` (wrong-placement-state) when it may not be done in this state."""
    after = PLACEMENTS[doing].get(PlacementState(state))
    if after is None:
        raise Refused(
            "wrong-placement-state",
            f"Not possible while the placement is {state}. Possible when: {', '.join(PLACEMENTS[doing])}.",
            "conflict",
            placement_state=state,
        )
    return after


def possible(state: str) -> list[str]:
    """What may be done in this state, as far as the state says."""
    return [doing for doing, rows in PLACEMENTS.items() if state in rows]
