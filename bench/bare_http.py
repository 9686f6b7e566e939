"""The bare limit of P3: FastAPI and asyncpg, one route that takes the same JSON and inserts the same four rows."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench import sample
from bench.stage import AGENCY
from sinergi.db import new_id

REFERRAL = """INSERT INTO referrals (id, version, state, service, sender, receiver, desk, area, client_kind, client_id,
  case_id, step_id, priority, reason, legal_basis, documents, requested_at, acknowledge_due, decide_due, finish_due,
  evidence) VALUES ($1, 1, 'requested', $2, 'dinsos', 'koperasi', 'koperasi/pembinaan', $3, $4, $5, $6, $7, $8, $9, $10,
  $11, $12, $13, $14, $15, '[]')"""
TIMELINE = """INSERT INTO timeline (referral_id, version, at, fact, state, by, by_agency, actor, data)
  VALUES ($1, 1, $2, 'requested', 'requested', 'social_worker', 'dinsos', 'somebody', $3)"""
OUTBOX = """INSERT INTO outbox (event_id, audience, subject, headers, body, aggregate_id, version)
  VALUES ($1, $2, $3, $4, $5, $6, $7)"""

EXAMPLE = next(sample.rows(1, AGENCY))
HEADERS, TOLD = json.loads(EXAMPLE["headers"]), json.loads(EXAMPLE["body"])


class SendReferral(BaseModel):
    """The same JSON as the service takes."""

    service: str
    client_kind: str
    client_id: UUID
    area: str
    reason: str
    legal_basis: str
    priority: str
    documents: list[str]
    case_id: UUID
    step_id: UUID


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["SINERGI_DATABASE_URL"], min_size=20, max_size=20) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pool)


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@app.post("/referrals", status_code=201)
async def send(body: SendReferral) -> dict[str, Any]:
    """Insert the referral, its timeline entry, and the fact for two audiences, in one transaction."""
    referral, now, event = new_id(), datetime.now(UTC), str(new_id())
    facts = _facts(body, referral, event)
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(REFERRAL, *_values(body, referral, now))
        await connection.execute(TIMELINE, referral, now, json.dumps({"reason": body.reason}))
        await connection.executemany(OUTBOX, facts)
    return {"id": str(referral), "version": 1, "state": "requested"}


def _values(body: SendReferral, referral: UUID, now: datetime) -> tuple[Any, ...]:
    dues = (now + timedelta(hours=24), now + timedelta(hours=72), now + timedelta(hours=720))
    ids = (body.client_id, body.case_id, body.step_id)
    coded = (body.priority, body.reason, body.legal_basis, body.documents)
    return (referral, body.service, body.area, body.client_kind, *ids, *coded, now, *dues)


def _facts(body: SendReferral, referral: UUID, event: str) -> list[tuple[Any, ...]]:
    """The outbox rows: what the service's fact holds, put together without a model of it."""
    payload = json.dumps(TOLD | body.model_dump(mode="json") | {"referral_id": str(referral)}).encode()
    headers = json.dumps(HEADERS | {"ce-id": event, "ce-correlationid": event, "ce-partitionkey": str(referral)})
    subjects = {audience: f"sinergi.referral.requested.v1.{audience}" for audience in ("core", AGENCY)}
    return [(event, audience, subject, headers, payload, referral, 1) for audience, subject in subjects.items()]


if __name__ == "__main__":
    port = int(os.environ["BENCH_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2)
