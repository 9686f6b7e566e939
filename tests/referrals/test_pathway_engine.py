"""What follows now, tried in any order: no step before its time, none twice, and every life ends in a legal state."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.referrals.pathways import Shelf, Template
from services.referrals.pathways.engine import (
    AT_WORK,
    ENDED,
    SETTLED,
    PathwayState,
    Standing,
    StepState,
    advance,
    beginning,
    policy_for,
    state_of,
)
from tests.referrals.test_pathway_templates import a_step, a_template

BUILT_IN = Shelf.load().all()


class Life:
    """A pathway that goes on in memory: what happened to it, and where it stands."""

    def __init__(self, template: Template) -> None:
        self.template, self.now, self.stopping = template, beginning(template), False
        self.fired: Counter[str] = Counter()
        self.undone: list[str] = []
        self.settle()

    def settle(self) -> None:
        """Make every move that follows, and see that each is legal and that none is left."""
        for move in advance(self.template, self.now, stopping=self.stopping):
            before = self.now[move.key].state
            if move.to is StepState.READY:
                assert before is StepState.WAITING
                self._waited_for_all(move.key)
            if move.to is StepState.UNDOING:
                assert before is StepState.DONE
                assert not any(one.state in AT_WORK for one in self.now.values())
            self.now[move.key] = Standing(move.to, self.now[move.key].outcome, self.now[move.key].evidence)
        assert advance(self.template, self.now, stopping=self.stopping) == []

    def _waited_for_all(self, key: str) -> None:
        after = self.template.step(key).after
        assert all(self.now[one].state in SETTLED for one in after.all)
        assert not after.any or any(self.now[one].state is StepState.DONE for one in after.any)

    def put(self, key: str, state: StepState, outcome: str | None = None, evidence: tuple[str, ...] = ()) -> None:
        """Something happened to a step."""
        self.now[key] = Standing(state, outcome, evidence)
        self.settle()

    def in_state(self, *states: StepState) -> list[str]:
        """The steps in one of these states."""
        return [key for key, one in self.now.items() if one.state in states]

    @property
    def state(self) -> PathwayState:
        """Where the pathway stands."""
        return state_of(self.template, self.now, stopping=self.stopping)

    def send(self) -> None:
        """Whatever is ready goes out."""
        for key in self.in_state(StepState.READY):
            self.fired[key] += 1
            self.put(key, StepState.SENT)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """A chain of any shape, or one of the six."""
    if draw(st.booleans()):
        return draw(st.sampled_from(BUILT_IN))
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = st.lists(st.sampled_from([one["key"] for one in steps]), unique=True, max_size=3)
        all_of, any_of = (draw(earlier), draw(earlier)) if steps else ([], [])
        step = a_step(f"s{number}", after={"all": all_of, "any": any_of})
        if all_of and draw(st.booleans()):
            met = {"step": all_of[0], "outcome": [draw(st.sampled_from(["service-given", "other"]))]}
            step["when"] = {"steps": [met], "otherwise": draw(st.sampled_from(["skip", "ask"]))}
        if draw(st.booleans()):
            step["undo"] = {"title": {"id": "u", "en": "u"}, "ask": "desk", "reason": "undo"}
        steps.append(step)
    return Template.model_validate(a_template(*steps))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_of_outcomes_ends_in_a_legal_state_and_no_step_fires_twice(data: st.DataObject) -> None:
    life = Life(data.draw(templates()))
    for _ in range(200):
        life.send()
        if life.state in ENDED:
            break
        _something_happens(life, data)
    assert life.state in ENDED
    assert all(times == 1 for times in life.fired.values())
    if life.state is PathwayState.COMPLETED:
        assert SETTLED.issuperset(one.state for one in life.now.values())
    _was_undone_backwards(life)


def _something_happens(life: Life, data: st.DataObject) -> None:
    """A desk answers, or the worker decides."""
    if not life.stopping and data.draw(st.integers(0, 12)) == 0:
        life.stopping = True
        life.settle()
        return
    busy = life.in_state(StepState.SENT, StepState.FAILED, StepState.UNDOING, StepState.UNDO_FAILED)
    if not busy:
        assert life.state in ENDED, "nothing is at work, nothing is to be decided, and it has not ended"
        return
    key = data.draw(st.sampled_from(busy))
    state, good = life.now[key].state, data.draw(st.booleans())
    if state is StepState.SENT:
        outcome = data.draw(st.sampled_from(list(life.template.step(key).outcomes)))
        life.put(key, StepState.DONE, outcome, ("nib",)) if good else life.put(key, StepState.FAILED)
    elif state is StepState.FAILED:
        life.put(key, StepState.SKIPPED)
    elif state is StepState.UNDOING and not good:
        life.put(key, StepState.UNDO_FAILED)
    else:
        life.undone.append(key)
        life.put(key, StepState.COMPENSATED)


def _was_undone_backwards(life: Life) -> None:
    places = [one.key for one in life.template.steps]
    assert life.undone == sorted(life.undone, key=places.index, reverse=True)
    if life.stopping:
        to_undo = {one.key for one in life.template.steps if one.undo}
        assert not to_undo.intersection(life.in_state(StepState.DONE))


def kube() -> Life:
    """The seed's own chain."""
    life = Life(next(one for one in BUILT_IN if one.code == "kube-naik-kelas"))
    life.send()
    return life


def test_the_chain_of_a_kube_goes_from_coaching_to_licence_to_capital() -> None:
    life = kube()
    assert life.in_state(StepState.SENT) == ["pembinaan"]
    life.put("pembinaan", StepState.DONE, "coaching-completed")
    assert life.in_state(StepState.READY) == ["izin"]
    life.put("izin", StepState.DONE, "licence-issued", ("nib",))
    assert life.in_state(StepState.READY) == ["sertifikasi", "modal"]
    life.put("sertifikasi", StepState.SKIPPED)
    life.put("modal", StepState.DONE, "loan-granted")
    life.put("pendampingan", StepState.DONE, "service-given")
    assert life.state is PathwayState.COMPLETED


def test_without_a_licence_nobody_is_asked_for_capital_but_the_worker_is() -> None:
    life = kube()
    life.put("pembinaan", StepState.DONE, "service-given")
    life.put("izin", StepState.DONE, "other")
    assert life.in_state(StepState.FAILED) == ["modal"]
    assert life.in_state(StepState.SKIPPED) == ["sertifikasi"]
    assert life.state is PathwayState.BLOCKED


def test_an_elder_who_goes_home_needs_no_panti_and_one_who_cannot_does() -> None:
    for outcome, fired in (("service-given", "perawatan-rumah"), ("other", "panti")):
        life = Life(next(one for one in BUILT_IN if one.code == "lansia-telantar"))
        life.put("kesehatan", StepState.DONE, "service-given")
        life.put("keluarga", StepState.DONE, outcome)
        ready = set(life.in_state(StepState.READY))
        assert {"perawatan-rumah", "panti"} & ready == {fired}


@pytest.mark.parametrize(
    ("codes", "used", "doing"),
    [
        (["capacity"], {}, "other-agency"),
        (["capacity"], {0: 3}, "wait"),
        (["capacity"], {0: 3, 1: 4}, "other-agency"),
        (["capacity"], {0: 3, 1: 4, 3: 2}, None),
        (["unreachable"], {}, None),
        (["died"], {}, "stop"),
        (["expired"], {}, "other-agency"),
    ],
)
def test_how_a_step_ended_picks_the_first_rule_that_is_not_used_up(
    codes: list[str], used: dict[int, int], doing: str | None
) -> None:
    panti = next(one for one in BUILT_IN if one.code == "lansia-telantar").step("panti")
    found = policy_for(panti, codes, Counter(used))
    assert (found[1].do if found else None) == doing


def test_where_no_rule_fits_an_optional_step_is_passed_over() -> None:
    optional = next(one for one in BUILT_IN if one.code == "kube-naik-kelas").step("sertifikasi")
    found = policy_for(optional, ["refused"], Counter())
    assert found is not None
    assert found[1].do == "skip"
