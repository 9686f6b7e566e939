"""The forms of placements: for each command its fields, and the states in which it is offered to whom."""

from typing import Any

from services.console.forms import Field, Sent

_REASON_CANCEL = ("placed-elsewhere", "client-refused", "need-met", "moved", "died", "other")
_REASON_END = ("independent", "back-with-family", "broke-down", "moved", "died", "into-facility", "other")
_REASON_GONE = ("goals-met", "end-of-term", "family-found", "left-on-own", "transferred-out", "died", "other")
_DESTINATIONS = (
    "own-family", "foster-family", "community", "rented-room", "other-facility", "hospital", "unknown", "none"
)  # fmt: skip


def _choice(name: str, *codes: str, required: bool = True) -> Field:
    return Field(name, "select", required, codes)


#: the worker's commands on a placement, in the order of the buttons
WORKER: dict[str, tuple[Field, ...]] = {
    "accept": (),
    "refuse": (_choice("reason", "unsuitable", "too-far", "client-refused", "other"),),
    "seek": (),
    "place": (),
    "end": (_choice("reason", *_REASON_END),),
    "cancel": (_choice("reason", *_REASON_CANCEL),),
}
#: the supervisor's, on the page of the case
SUPERVISOR: dict[str, tuple[Field, ...]] = {
    "prioritise": (
        _choice("level", "life", "high", "medium", "low", required=False),
        Field("reason", "area", required=True),
    ),
}
#: on the page of a facility: an officer's, and the supervisor's beyond the beds
OFFICER: dict[str, tuple[Field, ...]] = {
    "admit": (),
    "leave": (
        _choice("kind", "home-leave", "hospital", "school", "other"),
        Field("until", "date", required=True, today=True),
    ),
    "return": (),
    "transfer": (),
    "discharge": (_choice("reason", *_REASON_GONE), _choice("destination", *_DESTINATIONS)),
}
OVERRIDE: dict[str, tuple[Field, ...]] = {
    "override": (
        _choice("emergency", "risk-to-life", "disaster", "violence", "court-order"),
        Field("reason", "area", required=True),
    ),
}
#: state of the placement -> what an officer may do about it
OFFICER_MAY = {
    "waiting": ("admit",),
    "offered": ("admit",),
    "accepted": ("admit",),
    "admitted": ("leave", "transfer", "discharge"),
    "on_leave": ("return", "discharge"),
}
#: what a request says; `why_inside` and `bed_kind` of a placement inside alone
REQUEST = (_choice("sex", "f", "m"), Field("birth_year", "number", required=True, pattern="[0-9]{4}"))
INSIDE = (
    _choice(
        "why_inside",
        *("no-family", "family-unsafe", "family-refused", "no-foster-family", "care-needs", "court-order", "emergency"),
    ),
    _choice("bed_kind", "regular", "accessible", "isolation", "infant"),
)
NAMES = ("kind", "sex", "birth_year", "category", "why_inside", "bed_kind", "person_id")


def body_of(fields: tuple[Field, ...], sent: Sent, version: int) -> dict[str, Any]:
    """The command's body: what was left empty is null or left out."""
    said = {one.name: str(sent.get(one.name) or "").strip() for one in fields}
    return {name: value for name, value in said.items() if value} | {"expected_version": version}


def request_of(sent: Sent) -> dict[str, Any]:
    """The body of a request; what is empty is left out."""
    said = {name: value for name in NAMES if (value := str(sent.get(name) or "").strip())}
    return said | {"inside": sent.get("inside") == "true"}
