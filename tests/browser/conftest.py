"""Debian's Chromium against running services; no plug-in answers here, a person does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.console.conftest import PASSWORD, System, system
from tests.console.conftest import USERS as ROLES

__all__ = ["system"]  # the fixture: console, notify and referrals over HTTP

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def console_url(system: System) -> str:
    """Where the pages are."""
    return system.urls["console"]


@pytest.fixture(scope="module")
def logins() -> dict[str, str]:
    """User name -> password."""
    return dict.fromkeys(ROLES, PASSWORD)


@pytest.fixture(scope="module")
def pictures() -> Path:
    """Where the screenshots go."""
    folder = Path(__file__).parents[2] / "test-results"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """The browser; without it the test fails, it never skips."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()
