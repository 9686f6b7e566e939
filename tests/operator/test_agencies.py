"""An agency comes in by one command and goes out by one, on real servers: its account, its consumer, its commands."""

import stat
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats as nats_py
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from sinergi import Agency, ReferralRequested
from sinergi.problems import Refused
from sinergi.provision import durable_exists
from sinergi_operator.account_book import AccountBook
from sinergi_operator.accounts import Foreign
from sinergi_operator.agency_list import show_agency, table_of
from sinergi_operator.border import Border
from sinergi_operator.onboarding import Entry, every, find_agency
from sinergi_operator.processes import AlreadyRunningError
from sinergi_operator.revoking import Revoked, revoke
from tests.harness.stack import eventually
from tests.operator.office import CODE, Office


async def test_one_command_brings_an_agency_in_and_again_it_changes_nothing(office: Office) -> None:
    said = await office.add()
    seed = office.accounts.seed_file(CODE)
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    assert said[-1] == "test referral: sent, heard, answered, and taken back"
    services = {one["code"]: one for one in await every(office.operator, "services", agency=CODE)}
    assert set(services) == {"kur-mikro", "uji-coba-bank-uji"}
    desks = {one["code"]: one["receives"] for one in await every(office.operator, "desks", agency=CODE)}
    assert desks == {"bank-uji/kur": "nats", "bank-uji/uji-coba": "nats"}
    again, before = await office.add(Entry(CODE)), await every(office.operator, "services", agency=CODE)
    assert again[-1] == said[-1]
    assert await every(office.operator, "services", agency=CODE) == before == list(services.values())
    assert (await office.stack.connect()).is_connected  # nobody else was thrown out
    info = await office.nats.jetstream().consumer_info("REFERRALS", CODE)
    assert (info.num_pending, info.num_ack_pending) == (0, 0), "the agency's desk is empty when it begins"


async def test_nobody_sends_to_the_test_service_by_mistake(office: Office) -> None:
    request = {"service": "uji-coba-bank-uji", "client_kind": "person", "client_id": str(uuid4()), "area": "31.74"}
    with pytest.raises(Refused, match="service-closed"):
        await office.worker.post("referrals", "/referrals", request | {"reason": "income", "legal_basis": "UU 13"})


async def test_a_code_is_never_given_to_another_agency_and_none_of_ours_is_given(office: Office) -> None:
    with pytest.raises(Refused, match="code-taken"):
        await office.add(Entry(CODE, "Bank Lain"))
    with pytest.raises(Refused, match="name-missing"):
        await office.add(Entry("baru"))
    for code in ("core", "registry", "Bank", "x", "a.b"):
        with pytest.raises(Refused, match="not-an-agency-code"):
            await office.add(Entry(code, "Bank Lain"))
    assert await find_agency(office.operator, "core") is None


async def test_a_running_plug_in_keeps_its_facts_when_the_agency_is_added_again(office: Office) -> None:
    heard: list[str] = []
    plug_in = Agency(CODE, office.stack.backend.nats_url, office.accounts.seed_file(CODE))

    @plug_in.on(ReferralRequested)
    async def hear(fact: ReferralRequested) -> None:
        heard.append(fact.referral_id)

    await plug_in.start()
    try:
        await eventually(lambda: _listens(office, CODE))
        assert "a plug-in of the agency is at work" in (await office.add(Entry(CODE)))[-1]
        referral = await office.refer()
        await eventually(lambda: _has(heard, referral["id"]))
    finally:
        await plug_in.stop()
    table = await table_of(office.operator, office.nats, office.accounts)
    assert table.row_count == len(await every(office.operator, "agencies"))
    assert (await show_agency(CODE, office.operator, office.nats, office.accounts)).row_count == 9


async def test_a_rotated_key_cuts_the_old_one_off_and_the_new_one_goes_on(office: Office) -> None:
    old = office.accounts.seed_file(CODE).read_text()
    agency = await _connect(office)
    office.accounts.renew(CODE)
    await eventually(lambda: _is_closed(agency), timeout=2)
    assert office.accounts.seed_file(CODE).read_text() != old
    assert await _opens(office, old) is False
    border = await Border.connect(office.stack.backend.nats_url, office.accounts.seed_file(CODE))
    await border.until_known()
    await border.close()


async def test_a_revoked_agency_neither_pulls_nor_acknowledges_nor_commands_within_two_seconds(office: Office) -> None:
    referral = await office.refer()
    seed = office.accounts.seed_file(CODE).read_text()
    agency = await _connect(office)
    held = await agency.jetstream(prefix="SIN.API").pull_subscribe_bind("me", "REFERRALS")
    message = (await held.fetch(1, timeout=10))[0]
    bptsp = await office.stack.connect("bptsp")
    started = time.monotonic()
    done = await office.revoke()
    await eventually(lambda: _is_closed(agency), timeout=2)
    assert await _opens(office, seed) is False
    assert await _gone(office)
    assert time.monotonic() - started < 2
    assert done.seconds < 2
    with pytest.raises(NatsError):
        await message.ack_sync(timeout=1)
    assert bptsp.is_connected, "another agency was thrown out"
    await bptsp.close()
    await _assert_locked(office, referral, done)


async def _assert_locked(office: Office, referral: dict[str, Any], done: Revoked) -> None:
    """Its referral is where it was; nobody sends a new one; its key lies aside."""
    assert (await office.worker.get("referrals", f"/referrals/{referral['id']}"))["state"] == "requested"
    assert (done.closed, done.left) == (["kur-mikro"], "")
    await eventually(lambda: _closed(office))
    assert not office.accounts.seed_file(CODE).exists()
    aside = list((office.accounts.seed_file(CODE).parent / "revoked").glob(f"{CODE}-*.nk"))
    assert len(aside) == 2  # the rotated one, and this
    desks = {one["code"]: one["receives"] for one in await every(office.operator, "desks", agency=CODE)}
    assert desks == {"bank-uji/kur": "console", "bank-uji/uji-coba": "console"}


async def test_a_revoked_agency_comes_back_with_a_new_key_and_its_open_services(office: Office) -> None:
    said = await office.add(Entry(CODE))
    assert "open again: kur-mikro" in said
    assert said[-1] == "test referral: sent, heard, answered, and taken back"
    desks = {one["receives"] for one in await every(office.operator, "desks", agency=CODE)}
    assert desks == {"nats"}
    await eventually(lambda: _takes(office))


async def test_the_core_refuses_a_revoked_agency_even_where_its_account_is_still_there(office: Office) -> None:
    """As in compose, until the operator has taken the account away at the server."""
    referral = await office.refer()
    border = await Border.connect(office.stack.backend.nats_url, office.accounts.seed_file(CODE))
    keys = office.accounts.seed_file(CODE).parent
    done = await revoke(CODE, Foreign(keys), office.operator, office.nats)
    assert "NATS" in done.left
    try:
        await eventually(lambda: _is_refused(border, referral["id"]), timeout=2)
        assert await border.consumer() is None
    finally:
        await border.close()
    with pytest.raises(Refused, match="no-account"):
        Foreign(keys).give("tanpa-kunci")


async def test_an_agency_that_nobody_knows_is_not_revoked(office: Office) -> None:
    with pytest.raises(Refused, match="no-such-agency"):
        await revoke("siapa", office.accounts, office.operator, office.nats)
    assert "siapa" not in (office.accounts.seed_file("x").parent.parent / "agencies.json").read_text()


async def _connect(office: Office) -> Client:
    seed = str(office.accounts.seed_file(CODE))
    return await nats_py.connect(office.stack.backend.nats_url, nkeys_seed=seed, allow_reconnect=False)


async def _opens(office: Office, seed: str) -> bool:
    try:
        again = await nats_py.connect(office.stack.backend.nats_url, nkeys_seed_str=seed, allow_reconnect=False)
    except NatsError:
        return False
    await again.close()
    return True


async def _is_closed(client: Client) -> bool:
    return client.is_closed


async def _closed(office: Office) -> bool:
    try:
        await office.refer()
    except Refused as no:
        return no.slug == "service-closed"
    return False  # sending follows a change within two seconds


async def _takes(office: Office) -> bool:
    return not await _closed(office)


async def _gone(office: Office) -> bool:
    return not await durable_exists(office.nats, "REFERRALS", CODE)


async def _listens(office: Office, code: str) -> bool:
    return bool((await office.nats.jetstream().consumer_info("REFERRALS", code)).num_waiting)


async def _has(heard: list[str], one: str) -> bool:
    return one in heard


async def _is_refused(border: Border, referral_id: str) -> bool:
    try:
        await border.command("acknowledge", referral_id, 1)
    except Refused as no:
        return no.slug == "agency-not-connected"
    return False


def test_the_book_survives_two_who_change_it_and_a_launcher_that_starts_again(tmp_path: Path) -> None:
    book = AccountBook(tmp_path)
    with book.changing() as change:
        change["added"], change["revoked"] = ["bank"], ["bptsp"]
        with pytest.raises(AlreadyRunningError), AccountBook(tmp_path).changing():
            pass
    assert AccountBook(tmp_path).codes(["koperasi", "bptsp"]) == ["koperasi", "bank"]
