"""Where a transfer stands, and what may be done with it: one table."""

from enum import StrEnum

from sinergi.problems import Refused


class TransferState(StrEnum):
    """Where a transfer stands."""

    PROPOSED = "proposed"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


_P, _O, _A, _R, _W = TransferState

#: what is done -> {state before: state after}; what is not here is refused
TRANSFERS: dict[str, dict[TransferState, TransferState]] = {
    "offer": {_P: _O},
    "accept": {_O: _A},
    "refuse": {_O: _R},
    "withdraw": {_P: _W, _O: _W},
}
#: somebody must still decide
OPEN = (_P, _O)


def next_transfer_state(doing: str, state: str) -> TransferState:
    """The state after doing this; `Refused` (wrong-transfer-state) when it may not be done now."""
    after = TRANSFERS[doing].get(TransferState(state))
    if after is None:
        raise Refused("wrong-transfer-state", f"The transfer is {state} already.", "conflict", state=state)
    return after
