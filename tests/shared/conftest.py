"""The probe service of these tests."""

from collections.abc import AsyncIterator

import pytest

from sinergi.db import Database
from sinergi.settings import Settings
from tests.harness.stack import Stack
from tests.shared import probe


@pytest.fixture(scope="session")
async def settings(stack: Stack) -> Settings:
    """The probe's settings, its tables made."""
    return await probe.settings_for(stack)


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The probe's database, with its relay at work."""
    async with probe.telling(settings) as (db, _):
        yield db
