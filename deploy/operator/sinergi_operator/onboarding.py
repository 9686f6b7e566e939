"""An agency comes in: key, account, directory, consumer, a test referral. Each step again changes nothing.

The test referral goes to a service of its own, `uji-coba-<code>`: no need leads to it, it discloses nothing, and it is
closed to everybody but a supervisor who sends all the same. Its client is nobody. It is retracted at the end.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sinergi.problems import Refused
from sinergi_operator.accounts import Accounts
from sinergi_operator.border import Border
from sinergi_operator.place import Api

Say = Callable[[str], None]

DESK = "umum"
#: the last day that a date can name: the test service never opens by itself
NEVER = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Entry:
    """The agency as the directory will have it. What is there already stays; None is not told.

    `fields`: what its service must see of a client; `areas`: where it serves, `*` is the whole country.
    """

    code: str
    name: str | None = None
    kind: str = "opd"
    desk: str = DESK
    service: str | None = None
    service_name: str | None = None
    purpose: str | None = None
    fields: list[str] = field(default_factory=list)
    areas: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)


def test_service(code: str) -> str:
    """The service to which this agency's test referrals go."""
    return f"uji-coba-{code}"


async def onboard(entry: Entry, accounts: Accounts, operator: Api, supervisor: Api, nats_url: str, say: Say) -> None:
    """All of it, told step by step. `Refused` says what to do, then the command is given again.

    The agency's code stays its own for ever: an entry of that code with another name is refused (`code-taken`).
    """
    known = await find_agency(operator, entry.code)
    name = _name(entry, known)
    accounts.give(entry.code)
    say(f"key and account: {accounts.seed_file(entry.code)}")
    await _enter(entry, name, known, operator, say)
    border = await Border.connect(nats_url, accounts.seed_file(entry.code))
    try:
        await border.until_known()
        say("consumer: it is there, at its own cursor")
        say(await _try(entry.code, border, supervisor))
    finally:
        await border.close()


async def find_agency(api: Api, code: str) -> dict[str, Any] | None:
    """The directory's entry of this agency."""
    return next((one for one in await every(api, "agencies") if one["code"] == code), None)


async def every(api: Api, what: str, **query: Any) -> list[dict[str, Any]]:
    """All entries of one kind of the directory, page by page."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = await api.get("referrals", f"/directory/{what}", page=page, size=100, **query)
        found += answer["items"]
        if len(found) >= answer["total"] or not answer["items"]:
            return found
        page += 1


def _name(entry: Entry, known: dict[str, Any] | None) -> str:
    if known is None and not entry.name:
        raise Refused("name-missing", "Say the agency's name with --name.")
    if known and entry.name and entry.name != known["name"]:
        sentence = f"The code {entry.code} is {known['name']}'s. A code is never given to another agency."
        raise Refused("code-taken", sentence, "conflict")
    return str(known["name"] if known else entry.name)


# --------------------------------------------------------------- directory


async def _enter(entry: Entry, name: str, known: dict[str, Any] | None, operator: Api, say: Say) -> None:
    kind = known["kind"] if known else entry.kind
    agency = {"name": name, "kind": kind, "connected": True}
    await operator.put("referrals", f"/directory/agencies/{entry.code}", agency)
    await _enter_desk(entry, name, operator)
    if known and not known["connected"]:
        await turn_desks(entry.code, "console", "nats", operator)
    if entry.service:
        await _enter_service(entry, operator)
    await _enter_test_service(entry.code, name, operator)
    reopened = await reopen(entry.code, operator)
    say(f"directory: {name}, {len(await every(operator, 'services', agency=entry.code))} services")
    if reopened:
        say(f"open again: {', '.join(reopened)}")


async def _enter_desk(entry: Entry, name: str, operator: Api) -> None:
    there = {one["code"]: one for one in await every(operator, "desks", agency=entry.code)}
    if not there or (entry.service and f"{entry.code}/{entry.desk}" not in there):
        desk = {"name": name, "receives": "nats"}
        await operator.put("referrals", f"/directory/desks/{entry.code}/{entry.desk}", desk)


async def turn_desks(code: str, before: str, after: str, operator: Api) -> None:
    """The agency's desks that took referrals by one way take them by another from now on."""
    for desk in await every(operator, "desks", agency=code):
        if desk["receives"] == before:
            body = {name: desk[name] for name in ("name", "area", "channels", "opening")} | {"receives": after}
            await operator.put("referrals", f"/directory/desks/{desk['code']}", body)


async def _enter_service(entry: Entry, operator: Api) -> None:
    if any(one["code"] == entry.service for one in await every(operator, "services", agency=entry.code)):
        return
    if not entry.areas:
        raise Refused("area-missing", "Say where the service is offered with --area (a wilayah code, or *).")
    service = {
        "agency": entry.code,
        "desk": entry.desk,
        "name": entry.service_name or entry.service,
        "purpose": entry.purpose or entry.service_name or entry.service,
        "fields": entry.fields,
        "areas": entry.areas,
        "needs": entry.needs,
    }
    await operator.put("referrals", f"/directory/services/{entry.service}", service)


async def _enter_test_service(code: str, name: str, operator: Api) -> None:
    service, path = test_service(code), f"/directory/services/{test_service(code)}"
    purpose = "Uji coba sambungan; bukan layanan, tidak menerima rujukan sungguhan"
    entry = {"agency": code, "desk": "uji-coba", "name": f"Uji coba {name}"[:200], "purpose": purpose}
    await operator.put("referrals", path, entry | {"fields": [], "areas": ["*"]})
    await operator.post("referrals", f"{path}/close", {"until": NEVER, "reason": f"Hanya uji coba ({service})"})


#: why revoking closes a service; what somebody else closed for another reason stays closed
REVOKED_REASON = "Sambungan instansi diputus"


async def reopen(code: str, operator: Api) -> list[str]:
    """Open the services that revoking had closed; returns their codes."""
    closed = [
        one["code"]
        for one in await every(operator, "services", agency=code)
        if one.get("closed_reason") == REVOKED_REASON
    ]
    for service in closed:
        await operator.post("referrals", f"/directory/services/{service}/open", {})
    return closed


# ----------------------------------------------------------- test referral


async def _try(code: str, border: Border, supervisor: Api) -> str:
    """Send one, hear it as the agency, answer it as the agency, take it back. What came of it, in words."""
    if await border.listening():
        return "test referral: not sent, a plug-in of the agency is at work already. `sinergi agency check` tries it"
    referral = await _send(code, supervisor)
    try:
        await border.hear(referral["id"], "sinergi.referral.requested.v1")
        await border.command("acknowledge", referral["id"], 1, receiver_reference="UJI-COBA")
    finally:
        await take_back(referral["id"], supervisor)
    await border.hear(referral["id"], "sinergi.referral.retracted.v1")
    return "test referral: sent, heard, answered, and taken back"


async def _send(code: str, supervisor: Api) -> dict[str, Any]:
    request = {
        "service": test_service(code),
        "client_kind": "person",
        "client_id": str(uuid5(NAMESPACE_URL, f"urn:sinergi:test-client:{code}")),
        "area": "31.74",
        "reason": "test",
        "legal_basis": "test",
        "override": "Uji coba sambungan.",
    }
    try:
        sent: dict[str, Any] = await supervisor.post("referrals", "/referrals/anyway", request)
    except Refused as no:
        if no.slug != "referral-already-open":
            raise
        await take_back(no.extra["referral_id"], supervisor)  # a run before this one was broken off
        sent = await supervisor.post("referrals", "/referrals/anyway", request)
    return sent


async def take_back(referral_id: str, supervisor: Api) -> None:
    """Retract a test referral, unless it has ended."""
    with suppress(Refused):  # it ended meanwhile
        now = await supervisor.get("referrals", f"/referrals/{referral_id}")
        body = {"expected_version": now["version"], "reason": "other", "note": "Uji coba sambungan."}
        await supervisor.post("referrals", f"/referrals/{referral_id}/retract", body)
