"""Cut an agency's connections at the server, as a line that breaks does; its system may come back at once."""

import json
from pathlib import Path

import nats

PING = "$SYS.REQ.SERVER.PING.CONNZ"
SECONDS = 5.0


async def cut(url: str, system_seed: Path, code: str) -> None:
    """End every connection of this agency's account. `system_seed`: a key of the server's system account."""
    system = await nats.connect(url.split(","), nkeys_seed=str(system_seed), name="operator", allow_reconnect=False)
    try:
        asked = json.dumps({"acc": code, "auth": True}).encode()
        answer = json.loads((await system.request(PING, asked, timeout=SECONDS)).data)
        kick = f"$SYS.REQ.SERVER.{answer['server']['id']}.KICK"
        for one in answer["data"].get("connections") or []:
            await system.request(kick, json.dumps({"cid": one["cid"]}).encode(), timeout=SECONDS)
    finally:
        await system.close()
