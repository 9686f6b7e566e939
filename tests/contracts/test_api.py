"""Whatever a client sends, in whatever role: no answer is an error of ours, and each is one that the contract tells of.

Requests are drawn from each service's own OpenAPI document, good ones and bad ones, the same at each run.
SINERGI_TEST_EXAMPLES says how many for each operation.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup

from tests.contracts.asking import Asker, served
from tests.contracts.seeds import SEEDS
from tests.harness.issuer import Issuer
from tests.harness.stack import SERVICES, Stack

EXAMPLES = int(os.environ.get("SINERGI_TEST_EXAMPLES", "3"))
CHECKS = [not_a_server_error]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 + EXAMPLES * 60)]


@pytest.fixture(scope="module")
def urls(stack: Stack) -> Iterator[dict[str, str]]:
    """All five services at work, each on its port."""
    with ExitStack() as running:
        found = {}
        for service in SERVICES:
            os.environ.update(stack.environment(service))
            found[service] = running.enter_context(served(app_of(service)))
        yield found


@pytest.fixture(scope="module")
def asker(issuer: Issuer) -> Asker:
    """One who knows, in one service, what was told in another."""
    return Asker(issuer)


def app_of(service: str) -> Any:
    return importlib.import_module(f"services.{service}.main").app


def wrong_answers(operation: schemathesis.APIOperation, asker: Asker, url: str) -> list[str]:
    """What was wrong with the answers to this operation."""
    wrong = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.one_of(*(operation.as_strategy(mode) for mode in GenerationMode)))
    def ask(case: schemathesis.Case) -> None:
        answer = asker.ask(case, url)
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failed:
            wrong.append(f"{operation.label}: {failed}")

    ask()
    return wrong


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # ours is seeded, and draws nothing of theirs
def test_no_answer_is_an_error_of_ours(service: str, urls: dict[str, str], asker: Asker) -> None:
    schema = schemathesis.openapi.from_dict(app_of(service).openapi())
    schema.config.generation.with_security_parameters = False
    asker.seed(urls[service], SEEDS[service])
    wrong = [told for found in schema.get_all_operations() for told in wrong_answers(found.ok(), asker, urls[service])]
    assert wrong == [], "\n\n".join(wrong)
