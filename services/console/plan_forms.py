"""How the small forms of the plan's page become a plan: each adds, changes or takes away one thing of the draft."""

from typing import Any

from starlette.datastructures import FormData

KINDS = ("referral", "own_service", "aid", "placement", "visit")
#: the domains of the general instrument: needs that a goal may answer; a PPKS category may be typed
NEEDS = ("basic_needs", "health", "family", "economic", "psychosocial", "legal", "safety")
EDITS = ("add_goal", "add_step", "remove_goal", "remove_step", "order", "left_out")
NUMBERS = ("due_days", "amount", "weight")
STEP_FIELDS = ("goal", "stage", "kind", "service", "reason", "legal_basis", "worker", "due_on", *NUMBERS)
CONTENT = ("goals", "steps", "left_out", "dropped")

Content = dict[str, Any]


def text(form: FormData, name: str) -> str:
    """What was typed into a field, without the spaces around it."""
    return str(form.get(name) or "").strip()


def content_of(plan: dict[str, Any]) -> Content:
    """The draft's content, or an empty one."""
    newest = plan["versions"][-1]["content"] if plan["versions"] else {}
    return {name: newest.get(name) or ({} if name in ("left_out", "dropped") else []) for name in CONTENT}


def edited(edit: str, form: FormData, plan: dict[str, Any]) -> Content:
    """The draft after one of EDITS; the service checks it."""
    content = content_of(plan)
    if edit == "add_goal":
        content["goals"] = [*content["goals"], _goal(form, _next_key("g", plan, content, "goals"))]
    elif edit == "add_step":
        content["steps"] = [*content["steps"], _step(form, _next_key("s", plan, content, "steps"))]
    elif edit == "left_out":
        content["left_out"] = content["left_out"] | {text(form, "need"): text(form, "why")}
    elif edit == "order":
        place = {one["key"]: text(form, f"order-{one['key']}").zfill(4) for one in content["steps"]}
        content["steps"] = sorted(content["steps"], key=lambda one: place[one["key"]])
    else:
        _remove(edit, form, content)
    return content


def _remove(edit: str, form: FormData, content: Content) -> None:
    name, key = ("goals" if edit == "remove_goal" else "steps"), text(form, "item")
    content[name] = [one for one in content[name] if one["key"] != key]
    if name == "steps":
        free = [one | {"after": [other for other in one.get("after", []) if other != key]} for one in content[name]]
        content[name] = free
        if why := text(form, "why"):
            content["dropped"] = content["dropped"] | {key: why}


def _goal(form: FormData, key: str) -> dict[str, Any]:
    goal = {"key": key, "need": text(form, "other_need") or text(form, "need"), "text": text(form, "text")}
    more = {name: text(form, name) for name in ("target", "by_when")}
    return goal | {name: value for name, value in more.items() if value}


def _step(form: FormData, key: str) -> dict[str, Any]:
    """A step of what was filled in; a referral's service is chosen, the others' are typed."""
    typed = {name: text(form, name) for name in STEP_FIELDS}
    step: dict[str, Any] = {name: value for name, value in typed.items() if value}
    step |= {name: int(step[name]) for name in NUMBERS if str(step.get(name, "")).isdigit()}
    after = [str(one) for one in form.getlist("after")]
    documents = [one.strip() for one in text(form, "documents").split(",") if one.strip()]
    return {"key": key, **step} | ({"after": after} if after else {}) | ({"documents": documents} if documents else {})


def _next_key(letter: str, plan: dict[str, Any], content: Content, name: str) -> str:
    """A key that no goal or step of any version has had."""
    used = {one["key"] for one in [*plan[name], *content[name]]}
    return next(key for number in range(1, 1000) if (key := f"{letter}{number}") not in used)
