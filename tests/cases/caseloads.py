"""What the tests of the caseload have at hand: cases by the hundred, put into the table as the commands leave them."""

import random
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from services.cases.models import Case
from services.cases.stages import Stage
from services.cases.tasks import add_task
from sinergi.db import new_id
from tests.harness.stack import Running

RISKS = ("low", "medium", "high", "life", None)
OPEN = [one for one in Stage if one is not Stage.PEMBINAAN_LANJUT]


def case(worker: str, **other: Any) -> Case:
    """An open case of this worker, somewhere on its path."""
    usual = {
        "id": new_id(),
        "version": 1,
        "agency": "dinsos",
        "area": "31.74.01",
        "worker": worker,
        "supervisor": "",
        "client_kind": "person",
        "client_id": uuid4(),
        "way_in": "registry",
        "stage": random.choice(OPEN),
        "risk": random.choice(RISKS),
    }
    return Case(**(usual | other))


async def put(cases: Running, *rows: Case, tasks: int = 0) -> list[str]:
    """Put them into the table, each with so many open tasks; returns their ids."""
    async with cases.context.db.begin() as tx:
        tx.add(*rows)
        await tx.session.flush()
        for row in rows:
            for _ in range(tasks):
                await add_task(tx, case=row, kind="by-hand")
    return [str(one.id) for one in rows]


def new_worker() -> str:
    return f"worker-{uuid4().hex}"


async def known(supervisor: httpx.AsyncClient, *workers: str, area: str = "31.74", **more: Any) -> None:
    """The office knows these workers."""
    for worker in workers:
        body = {"expected_version": 0, "area": area} | more
        answer = await supervisor.put(f"/caseload/workers/{worker}", json=body)
        assert answer.status_code == 200, answer.text


def slug(response: httpx.Response) -> tuple[int, str]:
    """The refusal's status and slug."""
    return response.status_code, response.json()["type"].rsplit(":", 1)[-1]
