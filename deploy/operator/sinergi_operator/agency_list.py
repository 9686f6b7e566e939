"""The agencies as an operator looks at them: connected or not, heard from or not, what waits."""

from typing import Any

from nats.aio.client import Client
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from rich.table import Table

from sinergi.problems import Refused
from sinergi_operator.accounts import Accounts
from sinergi_operator.keys import public_key
from sinergi_operator.onboarding import every, find_agency
from sinergi_operator.place import Api


async def table_of(api: Api, nats: Client, accounts: Accounts) -> Table:
    """One line for each agency of the directory."""
    table = Table("code", "name", "kind", "connected", "key", "plug-in", "waiting", "in hand")
    for one in await every(api, "agencies"):
        info = await _consumer(nats, one["code"])
        key = "yes" if accounts.seed_file(one["code"]).exists() else ""
        cells = _heard(info) if one["connected"] else ("", "", "")
        table.add_row(one["code"], one["name"], one["kind"], "yes" if one["connected"] else "no", key, *cells)
    return table


async def show_agency(code: str, api: Api, nats: Client, accounts: Accounts) -> Table:
    """All about one. Refused: `no-such-agency`."""
    one = await find_agency(api, code)
    if one is None:
        raise Refused("no-such-agency", f"The directory has no agency {code}.", "not-found")
    table = Table(title=f"{code}: {one['name']}", show_header=False)
    for name, value in (await _told(one, api, nats, accounts)).items():
        table.add_row(name, value)
    return table


async def _told(one: dict[str, Any], api: Api, nats: Client, accounts: Accounts) -> dict[str, str]:
    code, seed = one["code"], accounts.seed_file(one["code"])
    info = await _consumer(nats, code)
    plug_in, waiting, in_hand = _heard(info)
    desks, services = await every(api, "desks", agency=code), await every(api, "services", agency=code)
    return {
        "kind": one["kind"],
        "connected": "yes" if one["connected"] else "no",
        "desks": "\n".join(f"{desk['code']} ({desk['receives']})" for desk in desks),
        "services": "\n".join(_service(service) for service in services),
        "key": f"{seed}\n{public_key(seed)}" if seed.exists() else "none here",
        "plug-in": plug_in,
        "waiting": waiting,
        "in hand": in_hand,
        "acknowledged up to": str(info.ack_floor.stream_seq) if info and info.ack_floor else "",
    }


def _service(service: dict[str, Any]) -> str:
    closed = f": closed until {service['closed_until']}, {service['closed_reason']}" if service["closed_until"] else ""
    return f"{service['code']}{closed}"


def _heard(info: ConsumerInfo | None) -> tuple[str, str, str]:
    """Whether a plug-in listens, what waits for it, what it has in hand."""
    if info is None:
        return "no consumer", "", ""
    return "listens" if info.num_waiting else "silent", f"{info.num_pending or 0:,}", f"{info.num_ack_pending or 0:,}"


async def _consumer(nats: Client, code: str) -> ConsumerInfo | None:
    try:
        info: ConsumerInfo = await nats.jetstream().consumer_info("REFERRALS", code)
    except NotFoundError:
        return None
    return info
