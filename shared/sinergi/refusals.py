"""Which refusals and which action lie behind a door, read from the source of all that it calls.

A refusal is a value that is made where the rule stands (`Refused("slug", "What to do.", kind)`), so the contract need
not repeat it: it is found there. What is called through a variable whose type is not known here is not followed.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from sinergi.auth import Actor, Permitted
from sinergi.db import Tx
from sinergi.problems import Refused

#: what these names hold in every command and query
_HELD = {"tx": Tx, "actor": Actor, "who": Actor}


class Refusal(NamedTuple):
    """One `Refused(...)` of the source; what its sentence fills in is shown as `…`."""

    slug: str
    detail: str
    kind: str


def behind(*doors: Any) -> tuple[list[str], dict[str, Refusal]]:
    """(the actions that are asked for, the nearest first; slug -> refusal) of all that the doors may call."""
    waiting, reached = list(doors), set()
    actions: list[str] = []
    found: dict[str, Refusal] = {}
    while waiting:
        thing = waiting.pop(0)
        if isinstance(thing, Permitted):
            actions.append(thing.action)
            waiting.append(Actor.must)
        for function in _functions(thing):
            if function not in reached:
                reached.add(function)
                refusals, called = _read(function)
                found |= {one.slug: one for one in refusals if one.slug not in found}
                waiting += called
    return actions, found


def _functions(thing: Any) -> Iterator[FunctionType]:
    """The functions of ours in it: itself, the one that it permits, or its methods."""
    thing = getattr(thing, "_function", thing)
    if not _ours(thing):
        return
    for one in vars(thing).values() if inspect.isclass(thing) else [thing]:
        plain = inspect.unwrap(getattr(one, "__func__", one)) if callable(one) else one
        if isinstance(plain, FunctionType) and _ours(plain):
            yield plain


def _ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith(("services.", "sinergi."))


@cache
def _read(function: FunctionType) -> tuple[list[Refusal], list[Any]]:
    """The refusals in its own source, and what it names of ours."""
    node = _nodes(inspect.getmodule(function)).get(function.__code__.co_firstlineno)
    if node is None:  # made while running, as a model's methods are
        return [], []
    names, parts = _names(function), [part for line in node.body for part in ast.walk(line)]
    refusals = [told for one in parts if (told := _refusal(one, names))]
    return refusals, [thing for one in parts if (thing := _named(one, names)) is not None]


@cache
def _nodes(module: ModuleType | None) -> dict[int, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a module by the line at which Python says that they begin."""
    if module is None or not (module.__file__ or "").endswith(".py"):
        return {}
    tree = ast.parse(inspect.getsource(module))
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {min([node.lineno, *(one.lineno for one in node.decorator_list)]): node for node in found}


def _names(function: FunctionType) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}, **_HELD}


def _named(node: ast.AST, names: dict[str, Any]) -> Any:
    """What a name, or an attribute of a module, a class or a record of ours, stands for."""
    if isinstance(node, ast.Name):
        return names.get(node.id) if names.get(node.id) not in (Tx, Actor, Refused) else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        holder = names.get(node.value.id)
        if isinstance(holder, ModuleType) or _ours(holder):
            return getattr(holder, node.attr, None)
    return None


def _refusal(node: ast.AST, names: dict[str, Any]) -> Refusal | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and names.get(node.func.id) is Refused):
        return None
    given: list[ast.expr] = node.args
    kind = given[2] if len(given) > 2 else next((one.value for one in node.keywords if one.arg == "kind"), None)
    slug, detail = _text(given[0]) if given else "", _text(given[1]) if len(given) > 1 else ""
    if not slug or "…" in slug:
        return None
    return Refusal(slug, detail, _text(kind) if kind else "invalid")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(one) for one in node.values)
    return "…"
