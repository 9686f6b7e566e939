"""What differs between two versions of a plan, or between two times that it was laid before the supervisor."""

from typing import Any

from services.cases.plans import PlanContent, PlannedGoal, PlannedStep

Item = PlannedGoal | PlannedStep


def changes(before: PlanContent, after: PlanContent) -> dict[str, Any]:
    """Of goals and of steps: the keys added and removed, and what changed in which field."""
    return {
        "goals": _between(before.goals, after.goals),
        "steps": _between(before.steps, after.steps),
        "left_out": sorted(after.left_out.items() - before.left_out.items()),
    }


def changed_fields(before: Item, after: Item) -> dict[str, tuple[Any, Any]]:
    """field -> (value before, value after), for the fields that differ."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: (old[name], new[name]) for name in new if old[name] != new[name]}


def _between(before: list[Any], after: list[Any]) -> dict[str, Any]:
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    both = {key: changed_fields(old[key], new[key]) for key in new if key in old}
    return {
        "added": [key for key in new if key not in old],
        "removed": [key for key in old if key not in new],
        "changed": [
            {"key": key, "field": field, "before": values[0], "after": values[1]}
            for key, fields in both.items()
            for field, values in fields.items()
        ],
    }
