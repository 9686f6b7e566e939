"""A plug-in as one must not be: it acknowledges first, makes new keys, guesses versions, and never stops.

python wrong_plugin.py URL SEED_FILE
"""

import asyncio
import json
import sys
from typing import Any
from uuid import uuid4

import nats


async def main(url: str, seed_file: str) -> None:
    connection = await nats.connect(url, nkeys_seed=seed_file)
    subscription = await connection.jetstream(prefix="SIN.API").pull_subscribe_bind("me", "REFERRALS")

    async def command(name: str, body: dict[str, Any], version: int, **more: Any) -> dict[str, Any]:
        request = {"referral_id": body["referral_id"], "expected_version": version, "idempotency_key": str(uuid4())}
        reply = await connection.request(f"sinergi.cmd.referral.{name}", json.dumps(request | more).encode(), timeout=5)
        answer: dict[str, Any] = json.loads(reply.data)
        return answer

    while True:
        try:
            (message,) = await subscription.fetch(1, timeout=1)
        except TimeoutError:
            continue
        await message.ack()
        if (message.headers or {})["ce-type"] != "sinergi.referral.requested.v1":
            continue
        body = json.loads(message.data)
        answer = await command("acknowledge", body, 1)
        if "problem" in answer:
            await command("acknowledge", body, answer["problem"].get("version", 2))


asyncio.run(main(*sys.argv[1:]))
