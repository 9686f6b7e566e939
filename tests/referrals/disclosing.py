"""A registry that answers the question of a client's fields, whose people a test may change; and an office's papers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

OFFICE = {
    "office": "DINSOS-JS",
    "letterhead": ["PEMERINTAH KOTA CONTOH", "SUKU DINAS SOSIAL", "Jalan Contoh Nomor 1, Kota Contoh"],
    "place": "Kota Contoh",
    "signatory": {
        "position": "Kepala Suku Dinas Sosial",
        "name": "Pejabat Contoh, S.Sos.",
        "nip": "198001012005011001",
    },
}


class Registry:
    """`person` and `group`: what it says of any client; it gives the fields asked for, and one too many."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"name": "Sri #strong[Wahyuni]", "nik": "3174014101900001"}
        self.asked: list[dict[str, Any]] = []

    async def answer(self, message: Msg) -> None:
        self.asked.append(json.loads(message.data))
        person = self.person | {"desil": 1}
        group = {"name": "KUBE Melati", "area": "31.74.01.1001", "members": [person]}
        client = group if self.asked[-1]["client_kind"] == "group" else person
        await message.respond(json.dumps({"client": client}).encode())


@asynccontextmanager
async def disclosing(nats: Client) -> AsyncIterator[Registry]:
    """The registry, for as long as the block lasts."""
    registry = Registry()
    subscription = await nats.subscribe("sinergi.ask.registry.disclosure", cb=registry.answer)
    await nats.flush()
    yield registry
    await subscription.unsubscribe()
