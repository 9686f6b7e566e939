"""What the registry's tests share: the running service and a way to hand in a list."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.harness.stack import Running

HandIn = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="module")
async def registry(run_service: Callable[..., AbstractAsyncContextManager[Running]]) -> AsyncIterator[Running]:
    """The service, running for one module: the modules that stop it themselves need it to be the only one."""
    async with run_service("registry") as running:
        yield running


@pytest.fixture(scope="module")
def hand_in(registry: Running, eventually: Callable[..., Awaitable[Any]]) -> HandIn:
    """`await hand_in(content, name="list.csv", source="ministry")` -> the import when it is done."""

    async def hand_in(
        content: bytes, name: str = "list.csv", source: str = "ministry", area: str = "31.74"
    ) -> dict[str, Any]:
        async with registry.client("operator", area=area) as client:
            answer = await client.post("/imports", data={"source": source}, files={"file": (name, content)})
            assert answer.status_code in (200, 202), answer.text
            url = f"/imports/{answer.json()['id']}"

            async def done() -> dict[str, Any] | None:
                now: dict[str, Any] = (await client.get(url)).json()
                return now if now["state"] in ("completed", "failed") else None

            found: dict[str, Any] = await eventually(done, timeout=60)
            return found

    return hand_in
