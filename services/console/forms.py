"""The answer buttons: for each command of a referral, the fields of its small form, and how they become its body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Sent(Protocol):
    """A form as it was sent."""

    def get(self, name: str, default: Any = None) -> Any: ...

    def getlist(self, name: str) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind`: text, date, area, number, select, or documents; `choices` are codes for a select.

    `today`: a date that starts with today's.
    """

    name: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    today: bool = False


def _choice(*codes: str, name: str = "reason", required: bool = True) -> Field:
    return Field(name, "select", required, codes)


NOTE = Field("note", "area")

#: command -> its fields, in the order in which the buttons stand
FORMS: dict[str, tuple[Field, ...]] = {
    "acknowledge": (Field("receiver_reference"),),
    "accept": (Field("expected_on", "date", required=True),),
    "progress": (
        _choice(
            "scheduled",
            "no_show",
            "appointment_cancelled",
            "visit_completed",
            name="business_status",
            required=False,
        ),
        NOTE,
    ),
    "complete": (
        _choice(
            "licence-issued",
            "service-given",
            "coaching-completed",
            "training-completed",
            "loan-granted",
            "aid-given",
            "admitted",
            "partly-given",
            "other",
            name="outcome",
        ),
        Field("given_on", "date", required=True, today=True),
        Field("nib", "number", pattern="[0-9]{13}"),
        Field("text", "area"),
        Field("next_step", "area"),
    ),
    "resume": (NOTE,),
    "hold": (
        _choice("client", "documents", "other-agency", "capacity", "other"),
        Field("review_on", "date", required=True),
        NOTE,
    ),
    "decline": (
        _choice(
            "missing-documents",
            "not-eligible",
            "out-of-area",
            "wrong-service",
            "capacity",
            "refused",
            "unreachable",
            "moved",
            "died",
        ),
        Field("missing_documents", "documents"),
        Field("text", "area", required=True),
        Field("better_service"),
    ),
    "fail": (
        _choice("unreachable", "not-eligible", "client-withdrew", "no-capacity", "other"),
        Field("text", "area"),
    ),
    "confirm_cancel": (NOTE,),
    "close": (Field("client_view", "area"),),
    "cancel": (
        _choice("need-met", "client-withdrew", "client-moved", "client-died", "plan-changed", "other"),
        NOTE,
    ),
    "request_cancel": (
        _choice("need-met", "client-withdrew", "client-moved", "client-died", "plan-changed", "other"),
        NOTE,
    ),
    "retract": (_choice("wrong-client", "wrong-service", "duplicate", "other"), NOTE),
}


def offered(actions: list[str]) -> list[str]:
    """The commands that may be given now, in the order of the buttons."""
    return [command for command in FORMS if command in actions]


def body_of(command: str, sent: Sent) -> dict[str, Any]:
    """The command's body for the API: what was left empty is left out."""
    body: dict[str, Any] = {"expected_version": int(sent.get("expected_version"))}
    for field in FORMS[command]:
        if field.kind == "documents":
            value: Any = _documents(sent, field.name)
        else:
            value = str(sent.get(field.name) or "").strip()
        if value:
            body[field.name] = value
    if nib := body.pop("nib", None):
        body["evidence"] = [{"kind": "nib", "number": nib}]
    return body


def typed(command: str, sent: Sent) -> Mapping[str, str]:
    """What was typed, to be shown again after a refusal."""
    return {field.name: str(sent.get(field.name) or "") for field in FORMS[command]}


def _documents(sent: Sent, name: str) -> list[str]:
    """Ticked codes, and codes typed with commas between them."""
    codes = [code.strip() for part in sent.getlist(name) for code in str(part).split(",")]
    return list(dict.fromkeys(code for code in codes if code))
