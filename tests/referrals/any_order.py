"""REFERRALS.md told a second time, for `test_any_order`: a slip in states.py, clocks.json or a command is seen.

Nothing here is made from the service's code. `Told` is what must lie in the database about one referral.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from sinergi.db import Database

Ways = dict[str, tuple[str, str]]


def _ways(sources: str, to: str | None, fact: str) -> Ways:
    return {source: (to or source, fact) for source in sources.split()}


#: command -> {state before: (state after, fact)}
TABLE: dict[str, Ways] = {
    "acknowledge": _ways("requested", "received", "received"),
    "accept": _ways("requested received", "accepted", "accepted"),
    "decline": _ways("requested received accepted in_progress on_hold", "declined", "declined")
    | _ways("cancel_requested", "cancelled", "cancelled"),
    "progress": _ways("accepted in_progress", "in_progress", "progressed"),
    "hold": _ways("in_progress", "on_hold", "held"),
    "resume": _ways("on_hold", "in_progress", "resumed"),
    "complete": _ways("accepted in_progress on_hold cancel_requested", "completed", "completed"),
    "fail": _ways("accepted in_progress on_hold", "failed", "failed"),
    "cancel": _ways("requested", "cancelled", "cancelled"),
    "request_cancel": _ways("received accepted in_progress on_hold", "cancel_requested", "cancel_requested"),
    "confirm_cancel": _ways("cancel_requested", "cancelled", "cancelled"),
    "retract": _ways(
        "requested received accepted in_progress on_hold cancel_requested", "entered_in_error", "retracted"
    ),
    "close": _ways("completed failed declined cancelled expired", None, "closed"),
}
THE_SENDERS = ("cancel", "request_cancel", "retract", "close")
OPEN = ("requested", "received", "accepted", "in_progress", "on_hold", "cancel_requested")

#: another body that each command could carry as well
OTHER_WORDS: dict[str, dict[str, Any]] = {
    "acknowledge": {"receiver_reference": "KOP/2026/18"},
    "decline": {"text": "Petugas kami tinggal satu."},
    "accept": {"expected_on": "2099-01-01"},
    "complete": {"text": "Selesai."},
    "fail": {"text": "Tiga kali dikunjungi."},
    "close": {"client_view": "Terlalu lama."},
    "progress": {"note": "Lain."},
    "hold": {"note": "Lain."},
    "resume": {"note": "Lain."},
    "cancel": {"note": "Lain."},
    "request_cancel": {"note": "Lain."},
    "confirm_cancel": {"note": "Lain."},
    "retract": {"note": "Lain."},
}

#: the clock of a state -> the alarms that it sets, one after the other; the last of three ends the referral
ALARMS: dict[str, tuple[str, ...]] = {
    "acknowledge": ("remind", "escalate1", "escalate2", "escalate3", "expire"),
    "decide": ("remind", "escalate1", "escalate2", "escalate3", "expire"),
    "finish": ("remind", "overdue1", "escalate2", "escalate3"),
    "review": ("remind", "escalate1", "escalate2"),
    "confirm": ("remind", "lapse"),
}
CLOCKS = {
    "requested": ("acknowledge", "decide"),
    "received": ("decide",),
    "accepted": ("finish",),
    "in_progress": ("finish",),
    "on_hold": ("review",),
    "cancel_requested": ("confirm",),
}
ENDS = {"expire": ("expired", "expired"), "lapse": ("cancelled", "cancelled")}
NOTICES = {"remind": "reminded", "escalate": "escalated", "overdue": "overdue"}


@dataclass
class Told:
    """One referral as it must be. `promised`: the clocks that its service has, beside review and confirm."""

    id: str
    client_id: str
    service: str
    promised: tuple[str, ...]
    state: str = "requested"
    facts: list[str] = field(default_factory=lambda: ["requested"])
    notices: list[str] = field(default_factory=list)
    closed: bool = False
    replaced: bool = False
    #: how many alarms of the clock that runs have rung
    rung: int = 0

    @property
    def version(self) -> int:
        return len(self.facts)

    @property
    def row_key(self) -> tuple[str, str]:
        """Of these, one may be open."""
        return self.client_id, self.service

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def clock(self) -> str | None:
        """The clock that runs: a state's first one that is promised."""
        runs = (*self.promised, "review", "confirm")
        return next((one for one in CLOCKS.get(self.state, ()) if one in runs), None)

    @property
    def alarm(self) -> str | None:
        """The one alarm that is set."""
        rungs = ALARMS[self.clock] if self.clock else ()
        return rungs[self.rung] if self.rung < len(rungs) else None

    def refusal(self, command: str) -> str | None:
        """Why the command is refused at the version seen last; None when it must be taken."""
        if self.state not in TABLE[command]:
            return "wrong-state"
        return "already-closed" if command == "close" and self.closed else None

    def take(self, command: str) -> None:
        """The command was given."""
        self._move(*TABLE[command][self.state])
        self.closed |= command == "close"

    def ring(self) -> None:
        """The alarm rang, if one was set."""
        alarm, clock = self.alarm, self.clock
        if alarm in ENDS:
            self._move(*ENDS[alarm])
        elif alarm:
            level = alarm[-1] if alarm[-1].isdigit() else "0"
            self.notices.append(f"{NOTICES[alarm.rstrip('123')]} {clock} {level}")
            self.rung += 1

    def replace(self) -> None:
        """Another one takes its place: told, and no move."""
        self.replaced = True
        self.facts.append("rerouted")

    def _move(self, to: str, fact: str) -> None:
        before, self.state = self.clock, to
        self.facts.append(fact)
        if self.clock != before:
            self.rung = 0

    def row(self) -> dict[str, Any]:
        """As `test_any_order` reads it back."""
        return {
            "id": self.id,
            "service": self.service,
            "state": self.state,
            "version": self.version,
            "ended": not self.is_open,
            "closed": self.closed,
            "replaced": self.replaced,
            "timeline": [f"{number} {fact}" for number, fact in enumerate(self.facts, 1)],
            "alarms": [f"referral.{self.clock}.{self.alarm}"] if self.alarm else [],
            "notices": self.notices,
        }


def orders(one: Told, command: str, taken: bool) -> list[Told]:
    """What may have come of a command and an alarm at once. An alarm stays out only where its clock was stopped."""
    found = []
    for order in ([command], [command, "ring"], ["ring", command]) if taken else (["ring"],):
        after = copy.deepcopy(one)
        if all(_happens(after, what) for what in order) and ("ring" in order or after.clock != one.clock):
            found.append(after)
    return found


def _happens(one: Told, what: str) -> bool:
    if what == "ring":
        one.ring()
    elif one.refusal(what) is None:
        one.take(what)
    else:
        return False
    return True


# -------------------------------------------------------- what lies there

_ROWS = text(
    """SELECT CAST(id AS text), service, state, version, ended_at IS NOT NULL AS ended, closed_at IS NOT NULL AS closed,
              replaced_by IS NOT NULL AS replaced,
              ARRAY(SELECT version || ' ' || fact FROM timeline
                    WHERE referral_id = one.id ORDER BY version) AS timeline,
              ARRAY(SELECT kind FROM alarms WHERE about = one.id) AS alarms,
              ARRAY(SELECT concat_ws(' ', fact, clock, level) FROM clock_notices
                    WHERE referral_id = one.id ORDER BY id) AS notices
       FROM referrals AS one WHERE client_id = ANY(CAST(:clients AS uuid[])) ORDER BY id"""
)
_OUTBOX = text(
    """SELECT seq, convert_from(body, 'UTF8')::json->>'referral_id' AS referral,
              split_part(headers->>'ce-type', '.', 3) AS fact, audience
       FROM outbox WHERE seq > :seq ORDER BY seq"""
)


async def lying(clients: list[str], seq: int, db: Database) -> tuple[list[dict[str, Any]], list[Any]]:
    """All referrals of these clients, each as `Told.row` has it, and the outbox's rows after this number: seq,
    referral, fact, audience."""
    async with db.begin() as tx:
        rows = (await tx.session.execute(_ROWS, {"clients": clients})).mappings().all()
        return [dict(row) for row in rows], list(await tx.session.execute(_OUTBOX, {"seq": seq}))
