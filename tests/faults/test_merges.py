"""Whoever merges is killed in the middle: nothing is half merged, nothing told of what is not so."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sinergi.db import Database
from tests.faults.merging import POINTS, merge, unmerge
from tests.harness.stack import Running, Stack
from tests.registry.holding import assert_all_holds
from tests.registry.pairs import a_person, a_record, a_review, fresh_kk, fresh_nik, rows_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
async def registry(run_service: Callable[..., AbstractAsyncContextManager[Running]]) -> AsyncIterator[Running]:
    async with run_service("registry") as running:
        yield running


@pytest.fixture
def db(registry: Running) -> Database:
    return registry.context.db


async def clerk(stack: Stack, mode: str, *arguments: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.merging", mode, *map(str, arguments)),
        env=os.environ | stack.environment("registry"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


async def three(db: Database) -> list[UUID]:
    nik = fresh_nik()
    persons = [await a_person(db, nik=one, kk=fresh_kk()) for one in (None, nik, fresh_nik())]
    await a_record(db, persons[0], source="city", nik=nik)
    await a_review(db, persons[0], persons[1])
    return persons


@pytest.mark.parametrize("point", POINTS)
async def test_killed_while_it_merges_nothing_is_merged(stack: Stack, db: Database, point: str) -> None:
    persons = await three(db)
    await merge(db, *persons[1:])
    before = await rows_of(db, persons)
    process = await clerk(stack, "merge-and-die-after", point, *persons[:2])
    assert await process.wait() == -9
    assert await rows_of(db, persons) == before
    await assert_all_holds(db, persons)
    await merge(db, *persons[:2])
    await assert_all_holds(db, persons)
    assert {row["survivor_id"] for row in (await rows_of(db, persons)).values()} == {None, persons[0]}


@pytest.mark.parametrize("point", POINTS)
async def test_killed_while_it_unmerges_nobody_is_free(stack: Stack, db: Database, point: str) -> None:
    persons = await three(db)
    alone = await rows_of(db, persons)
    await merge(db, *persons[:2])
    before = await rows_of(db, persons)
    process = await clerk(stack, "unmerge-and-die-after", point, persons[1])
    assert await process.wait() == -9
    assert await rows_of(db, persons) == before
    await unmerge(db, persons[1])
    await assert_all_holds(db, persons)
    assert await rows_of(db, persons) == alone


async def test_clerks_killed_again_and_again_at_any_moment_leave_only_what_was_decided(
    stack: Stack, db: Database
) -> None:
    persons = await three(db) + await three(db)
    for _ in range(2):
        both = [await clerk(stack, "for-ever", *persons) for _ in range(2)]
        for one in both:
            assert one.stdout is not None
            for _ in range(4):
                assert (await one.stdout.readline()).strip() == b"done"
        for one in both:
            one.kill()
            await one.wait()
        await assert_all_holds(db, persons)
