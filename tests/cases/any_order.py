"""The acts that `test_any_order` gives in any order, and what must be so after each: written down a second time here,
so that a slip in the tables of stages.py is seen. Another room adds its commands to ACTS.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.cases.stages import AT_WORK, DROPPABLE, SETTLED
from tests.cases.planning_story import own
from tests.cases.story import CALM, step

GOAL = {"key": "skill", "need": "economic", "text": "Usaha berjalan"}
LEFT_OUT = dict.fromkeys(CALM, "Ditangani keluarga")
BEFORE_TERMINASI = ("identifikasi", "asesmen", "rencana", "intervensi", "pemberdayaan")
CARRIED_OUT = ("intervensi", "pemberdayaan")
WRITTEN = ("rencana", *CARRIED_OUT)


@dataclass
class Seen:
    """A case as it was read: its stage and version, the newest version of its plan, the steps, the open tasks."""

    stage: str
    version: int
    plan: str | None
    in_force: list[dict[str, Any]] | None
    steps: dict[str, dict[str, Any]]
    tasks: list[dict[str, Any]]
    #: keys of the steps in the newest version
    written: list[str]
    numbers: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def some(self, pick: int, *states: str) -> dict[str, Any] | None:
        """One of the steps in these states."""
        found = [one for one in self.steps.values() if one["state"] in states]
        return found[pick % len(found)] if found else None


@dataclass(frozen=True)
class Act:
    """A command: who gives it, where, whether it must be taken now, and to which stages it may lead from this one.

    `pick` is a number that Hypothesis draws: an act takes from it whatever it has to choose. A path None: there is
    nothing to do it to.
    """

    name: str
    who: str
    path: Callable[[Seen, int], str | None]
    legal: Callable[[Seen, int], bool]
    to: Callable[[str], tuple[str, ...]]
    body: Callable[[Seen, int], dict[str, Any]] = lambda seen, pick: {}
    method: str = "POST"


def stays(stage: str) -> tuple[str, ...]:
    return (stage,)


def moves(**ways: str | tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """From a stage to another; from one that is not named, it stays."""

    def to(stage: str) -> tuple[str, ...]:
        way = ways.get(stage, stage)
        return way if isinstance(way, tuple) else (way,)

    return to


#: something may go out: the first step of pemberdayaan moves the case
goes_out = moves(intervensi=CARRIED_OUT)


def a_plan(seen: Seen, pick: int) -> dict[str, Any]:
    """What is in force goes on, without what was given up; something new is added under a new key."""
    kept = [one for one in seen.in_force or [] if seen.steps[one["key"]]["state"] != "dropped"]
    keys = {one["key"] for one in kept}
    free = [one | {"after": [key for key in one["after"] if key in keys]} for one in kept]
    new = f"s{seen.version}"  # no two drafts are written at one version
    made = [
        own(new, due_days=7),
        step(new, service=f"service-{new}"),
        own(new, "visit", stage="pemberdayaan", due_days=3),
        own(new, "aid", after=[f"{new}-first"]),
    ][pick % 4]
    first = [own(f"{new}-first")] if made["kind"] == "aid" else []
    return {"goals": [GOAL], "steps": [*free, *first, made], "left_out": LEFT_OUT}


def closing(seen: Seen, pick: int) -> dict[str, Any]:
    if seen.in_force is None:
        return {"reason": "moved", "outcomes": {}}
    given_up = {key: "Pindah" for key, one in seen.steps.items() if one["state"] in DROPPABLE}
    return {"reason": "moved", "outcomes": {"skill": "not_met"}, "dropped": given_up}


def may_close(seen: Seen, pick: int) -> bool:
    at_work = seen.in_force is not None and any(one["state"] in AT_WORK for one in seen.steps.values())
    return seen.stage in BEFORE_TERMINASI and not at_work


def on_step(act: str, *states: str) -> Callable[[Seen, int], str | None]:
    def path(seen: Seen, pick: int) -> str | None:
        chosen = seen.some(pick, *states)
        return f"/steps/{chosen['id']}/{act}" if chosen else None

    return path


def carried(*stages: str) -> Callable[[Seen, int], bool]:
    return lambda seen, pick: seen.stage in stages and seen.in_force is not None


def at(*stages: str, plan: tuple[str | None, ...] | None = None) -> Callable[[Seen, int], bool]:
    return lambda seen, pick: seen.stage in stages and (plan is None or seen.plan in plan)


def whole(*plan: str) -> Callable[[Seen, int], bool]:
    """A plan may be laid before the supervisor, and approved: it has steps, and none that was given up meanwhile."""

    def legal(seen: Seen, pick: int) -> bool:
        given_up = [key for key in seen.written if key in seen.steps and seen.steps[key]["state"] == "dropped"]
        return at(*WRITTEN, plan=plan)(seen, pick) and bool(seen.written) and not given_up

    return legal


def to(path: str) -> Callable[[Seen, int], str | None]:
    return lambda seen, pick: path


def back(stage: str) -> Callable[[Seen, int], dict[str, Any]]:
    return lambda seen, pick: {"to": stage, "reason": "setback", "note": "Keadaan berubah"}


def may_drop(seen: Seen, pick: int) -> bool:
    chosen = seen.some(pick, *ANY)
    droppable = chosen is not None and chosen["state"] not in SETTLED and not chosen["withdrawn"]
    return droppable and carried("asesmen", *WRITTEN)(seen, pick)


#: tasks that are not the plan's: to assess again until the closure is approved, to follow up after it
ELSEWHERE = ("reassess", "follow-up")
ANY = ("planned", "open", "sent", "requested", "accepted", "completed", "declined", "failed", "cancelled", "dropped")
BADLY = ("declined", "failed", "cancelled")

ACTS = [
    Act(
        "assess", "worker", to("/assessments"), at(*BEFORE_TERMINASI), moves(identifikasi="asesmen"),
        lambda seen, pick: {"instrument": "general", "answers": CALM | {"safety": pick % 5}},
    ),
    Act(
        "draft", "worker", to("/plan"), at("asesmen", *WRITTEN, plan=(None, "draft", "returned")),
        moves(asesmen="rencana"), a_plan, "PUT",
    ),
    Act("revise", "worker", to("/plan/revise"), at("asesmen", *CARRIED_OUT, plan=("approved",)),
        moves(asesmen="rencana")),
    Act("submit", "worker", to("/plan/submit"), whole("draft", "returned"), stays),
    Act("approve", "supervisor", to("/plan/approve"), whole("submitted"),
        moves(rencana=CARRIED_OUT, intervensi=CARRIED_OUT)),
    Act("return", "supervisor", to("/plan/return"), at(*WRITTEN, plan=("submitted",)), stays,
        lambda seen, pick: {"comment": "Lengkapi"}),
    Act("review", "worker", to("/plan/review"), at(*CARRIED_OUT), stays, lambda seen, pick: {"note": "Baik"}),
    Act("reassess", "worker", to("/revert"), at("rencana", "intervensi"), lambda stage: ("asesmen",), back("asesmen")),
    Act("set_back", "worker", to("/revert"), at("pemberdayaan"), lambda stage: ("intervensi",), back("intervensi")),
    Act("judge", "worker", to("/goals/skill/progress"), carried("asesmen", *WRITTEN), stays,
        lambda seen, pick: {"reached": ["none", "some", "most", "reached"][pick % 4]}),
    Act("finish", "worker", on_step("finish", "open"), carried("asesmen", *WRITTEN), goes_out,
        lambda seen, pick: {"outcome": "other"}),
    Act("fail", "worker", on_step("fail", "open"), carried("asesmen", *WRITTEN), stays,
        lambda seen, pick: {"reason": "refused"}),
    Act("finish_again", "worker", on_step("finish", "planned", "completed", "sent", *BADLY),
        lambda seen, pick: False, stays, lambda seen, pick: {"outcome": "other"}),
    Act("drop", "worker", on_step("drop", *ANY), may_drop, stays, lambda seen, pick: {"reason": "Tidak mau"}),
    Act("resend", "worker", on_step("resend", *BADLY), carried(*CARRIED_OUT), goes_out,
        lambda seen, pick: {"reason": "Coba lagi"}),
    Act("request_closure", "worker", to("/closure"), may_close, lambda stage: ("terminasi",), closing),
    Act("return_closure", "supervisor", to("/closure/return"), at("terminasi"), lambda stage: BEFORE_TERMINASI,
        lambda seen, pick: {"comment": "Belum lengkap"}),
    Act("close", "supervisor", to("/close"), at("terminasi"), lambda stage: ("pembinaan_lanjut",)),
]  # fmt: skip


def assert_sound(seen: Seen) -> None:
    """What holds in every case at every time."""
    assert seen.numbers == list(range(1, len(seen.numbers) + 1))
    assert seen.states.count("approved") <= 1
    assert all(one in ("approved", "replaced") for one in seen.states[:-1])
    if seen.stage in CARRIED_OUT:
        assert seen.in_force is not None
    for one in seen.steps.values():
        assert one["state"] == "planned" or seen.in_force is not None, "a step began before any approval"
        assert _kinds(seen, one) == _expected(one), f"{one['key']} {one['state']}"
    if seen.stage in ("terminasi", "pembinaan_lanjut") and seen.in_force is not None:
        assert all(one["state"] in SETTLED for one in seen.steps.values())
    if seen.stage in ("terminasi", "pembinaan_lanjut"):
        assert [one for one in seen.tasks if one["kind"] not in ELSEWHERE] == []


def _kinds(seen: Seen, one: dict[str, Any]) -> list[str]:
    return [task["kind"] for task in seen.tasks if task["step_id"] == one["id"] and task["kind"] != "step-blocked"]


def _expected(one: dict[str, Any]) -> list[str]:
    """An open step with a date is one task, one that ended badly is one question, any other none."""
    if one["state"] in BADLY:
        return [f"step-{one['state']}"]
    dated = one["state"] == "open" and one["due_on"]
    return [f"do-{one['kind'].replace('_', '-')}"] if dated else []
