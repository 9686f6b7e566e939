"""Deny by default, seen in the code: no route, command or query without a rule, no rule without use."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from sinergi.app import current_actor
from sinergi.auth import Actor, Permitted, covers
from sinergi.permissions import PERMISSIONS, Role
from sinergi.problems import Refused

SERVICES = ["registry", "cases", "referrals", "notify", "console"]

#: what may be asked without signing in, and why
PUBLIC = {
    "/healthz": "the supervisor's question",
    "/readyz": "the supervisor's question: names of parts, nothing else",
    "/metrics": "counts only; the operator keeps it inside the network",
    "/openapi.json": "the contract is public",
    "/docs": "the contract is public",
    "/docs/oauth2-redirect": "the contract is public",
    "/redoc": "the contract is public",
}
PUBLIC_REFERRALS = {
    "/hsds/": "the open directory (HSDS): public information about services, nobody's personal contact",
    "/hsds/services": "the same",
    "/hsds/services/{service_id}": "the same",
    "/verify/{code}": "whoever holds a letter may see whether it holds: number, offices and date, nothing of a person",
}
PUBLIC_CONSOLE = {
    "/login": "where one signs in",
    "/static": "style and script",
    "/.well-known/openid-configuration": "OIDC discovery",
    "/jwks.json": "the issuer's public keys",
    "/oauth/token": "where a password becomes a token",
    "/verify/{code}": "the page that a letter's QR code leads to: the same as referrals' own, in words",
    "/language": "the choice of language, before and after signing in",
}


def modules(service: str) -> Iterator[ModuleType]:
    """Every module of a service except its migrations."""
    package = importlib.import_module(f"services.{service}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name:
            yield importlib.import_module(found.name)


def actions(service: str) -> Iterator[tuple[str, Any]]:
    """(name, object) of every permitted function, and of every public coroutine in commands.py and queries.py."""
    for module in modules(service):
        all_are = module.__name__.endswith((".commands", ".queries"))
        for name, thing in vars(module).items():
            ours = getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")
            if ours and (isinstance(thing, Permitted) or (all_are and inspect.iscoroutinefunction(thing))):
                yield f"{module.__name__}.{name}", thing


def called_by_doors(service: str) -> Iterator[tuple[str, Any]]:
    """(name, object) of what the doors hand the actor and the transaction to, or have obeyed."""
    for module in modules(service):
        if module.__name__.rsplit(".", 1)[1].startswith(("api", "doors_", "consumers")):
            for call in ast.walk(ast.parse(inspect.getsource(module))):
                for named in _acting(call) if isinstance(call, ast.Call) else ():
                    if ast.unparse(named).split(".")[0] in vars(module):  # else a parameter: see who gives it
                        yield f"{module.__name__}: {ast.unparse(named)}", eval(ast.unparse(named), vars(module))


def _acting(call: ast.Call) -> list[ast.expr]:
    """What the call obeys or asks as the actor, and functions of other modules that it hands on beside the actor."""
    if isinstance(call.func, ast.Name) and call.func.id == "obey":
        return [call.args[1]]
    given = [one.id for one in call.args if isinstance(one, ast.Name)]
    if not {"who", "actor"} & set(given):
        return []
    handed_on = [one for one in call.args if isinstance(one, ast.Attribute) and ast.unparse(one).count(".") == 1]
    functions = [one for one in handed_on if one.attr.islower() and one.value.id != "bus"]  # type: ignore[attr-defined]
    return [call.func] if given[-1] == "tx" else functions


def routes(service: str) -> list[Any]:
    return list(importlib.import_module(f"services.{service}.main").app.routes)


def depends_on_actor(dependant: Dependant) -> bool:
    names = {current_actor.__name__, "current_session", "signed_agency"}  # who signed is who is there
    return any(
        getattr(inner.call, "__name__", "") in names or depends_on_actor(inner) for inner in dependant.dependencies
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_and_query_names_an_action_of_the_table(service: str) -> None:
    found = dict(actions(service))
    assert found, f"{service} has no commands: this test looks in the wrong place"
    for name, thing in found.items():
        assert isinstance(thing, Permitted), f"{name} lacks @permit"
        assert thing.action in PERMISSIONS, f"{name}: {thing.action} is not in the table"


@pytest.mark.parametrize("service", SERVICES)
def test_the_doors_call_nothing_that_names_no_action(service: str) -> None:
    called = dict(called_by_doors(service))
    passed_on = {name: thing for name, thing in called.items() if not isinstance(thing, (Permitted, str))}
    assert passed_on == {}
    if service != "console":
        assert called, f"the doors of {service} call nothing: this test looks in the wrong place"


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_asks_who_is_there(service: str) -> None:
    public = PUBLIC | {"console": PUBLIC_CONSOLE, "referrals": PUBLIC_REFERRALS}.get(service, {})
    asked = 0
    for route in flat(routes(service)):
        if route.path in public:
            continue
        assert isinstance(route, APIRoute), f"{service} {route.path} is not a plain route"
        assert depends_on_actor(route.dependant), f"{service} {route.path} does not ask who is there"
        asked += 1
    assert asked, f"{service} has no routes: this test looks in the wrong place"


def flat(found: list[Any]) -> Iterator[Any]:
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from flat(list(inner.routes))
        else:
            yield route


def test_the_table_has_no_rule_that_nothing_uses() -> None:
    used = {thing.action for service in SERVICES for _, thing in actions(service)} | {"console.use"}
    assert set(PERMISSIONS) - used == {"case.approve_own"}  # asked for inside of an approval: see the next test


def test_no_role_approves_its_own_work() -> None:
    assert PERMISSIONS["case.approve_own"] == frozenset()


def test_what_is_not_in_the_table_nobody_may_do() -> None:
    for role in Role:
        with pytest.raises(Refused, match="not-permitted"):
            Actor("somebody", role, "dinsos", "*").must("universe.delete")


@pytest.mark.parametrize(
    ("scope", "area", "covered"),
    [
        ("31.74", "31.74.09.1001", True),
        ("31.74", "31.74", True),
        ("31.7", "31.74.09", False),
        ("31.74.09", "31.74", False),
        ("*", "31.74", True),
        ("", "31.74", False),
    ],
)
def test_an_area_covers_itself_and_all_below_it(scope: str, area: str, covered: bool) -> None:
    assert covers(scope, area) is covered
