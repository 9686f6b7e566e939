"""Who is told of reports and transfers, and where the message leads: never to a case that one may not open."""

from typing import Any

import pytest

from services.notify.rules_intake import INTAKE
from sinergi.events import (
    CaseTransferAccepted,
    CaseTransferOffered,
    CaseTransferOverdue,
    Event,
    IntakeReceived,
    IntakeRiskToLife,
    TaskOpened,
)

REPORT = {"intake_id": "i1", "agency": "dinsos-jbr", "area": "35.09"}
CASE = {"case_id": "c1", "agency": "dinsos-jbr", "area": "35.09", "worker": "w1", "supervisor": "s1"}
TRANSFER = CASE | {
    "transfer_id": "t1",
    "from_agency": "dinsos-jbr",
    "to_agency": "dinsos-pbl",
    "to_area": "35.13",
    "reason": "lives-there",
}
TASK: dict[str, Any] = {"task_id": "k1", "case_id": "c1", "agency": "dinsos-jbr", "area": "35.09", "worker": "w1"}
HEARD = {"way_in": "other-regency", "reporter": "other-regency"}


def told(fact: Event) -> list[tuple[list[str], str]]:
    """Each message: to whom, and its link."""
    rules = [rule for rule in INTAKE if isinstance(fact, rule.event)]
    return [(to, rule.fill(fact)[2]) for rule in rules if (to := rule.to(fact))]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (IntakeRiskToLife(**REPORT), [(["desk:dinsos-jbr/supervisor", "desk:dinsos-jbr/intake"], "/intake/i1")]),
        (IntakeReceived(**REPORT, **HEARD), []),
        (IntakeReceived(**REPORT, **HEARD, referred_by="x"), [(["desk:dinsos-jbr/supervisor"], "/intake/i1")]),
        (CaseTransferOffered(**TRANSFER), [(["desk:dinsos-pbl/supervisor"], "/transfers/t1")]),
        (CaseTransferOverdue(**TRANSFER), [(["user:w1", "user:s1", "desk:dinsos-pbl/supervisor"], "/transfers/t1")]),
        (
            CaseTransferAccepted(**TRANSFER, previous_worker="w0"),
            [(["user:w1", "user:w0", "desk:dinsos-jbr/supervisor"], "/transfers/t1")],
        ),
        (TaskOpened(**TASK, kind="person-died"), [(["user:w1"], "/cases/c1")]),
        (TaskOpened(**TASK, kind="by-hand"), []),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_whoever_must_act_is_told_and_led_to_a_page_of_their_own(fact: Event, expected: Any) -> None:
    assert told(fact) == expected
