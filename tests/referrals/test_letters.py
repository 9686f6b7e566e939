"""Letters: numbered without gaps, frozen, printed as PDF/A with a QR code, verified by anybody, withdrawn."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2 as httpx
import pypdfium2
import pytest
import zxingcpp
from nats.aio.client import Client
from pypdf import PdfReader
from sqlalchemy import text

from services.referrals.letter_numbers import ROMAN
from tests.harness.stack import Running
from tests.referrals.conftest import Give, Send
from tests.referrals.disclosing import OFFICE, Registry, disclosing
from tests.referrals.test_details import ledger

Answer = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
async def offices(referrals: Running) -> None:
    """What Dinsos' and Koperasi's letters look like; the tests' own offices have their own."""
    async with referrals.client("operator") as operator:
        for code, more in (("dinsos", {}), ("koperasi", {"office": "KOP", "place": "Contoh Timur"})):
            agency = {"name": f"Kantor {code}", "kind": "opd", "connected": code == "koperasi"}
            (await operator.put(f"/directory/agencies/{code}", json=agency)).raise_for_status()
            (await operator.put(f"/letters/offices/{code}", json=OFFICE | more)).raise_for_status()


@pytest.fixture
async def registry(nats: Client) -> AsyncIterator[Registry]:
    async with disclosing(nats) as registry:
        yield registry


async def make(client: httpx.AsyncClient, referral: Answer, kind: str = "rujukan", **other: Any) -> httpx.Response:
    body = {"kind": kind, "expected_version": referral["version"], **other}
    return await client.post(f"/referrals/{referral['id']}/letters", json=body)


async def made(client: httpx.AsyncClient, referral: Answer, kind: str = "rujukan", **other: Any) -> Answer:
    answer = await make(client, referral, kind, **other)
    assert answer.status_code == 201, answer.text
    letter: Answer = answer.json()
    return letter


async def code_of(client: httpx.AsyncClient, referral: Answer) -> str:
    """The code of the referral's newest letter."""
    found = (await client.get(f"/referrals/{referral['id']}/letters")).raise_for_status().json()["items"]
    return str(found[0]["code"])


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[1]


def barcodes(pdf: bytes) -> list[str]:
    """What a camera reads from the first page."""
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=2, grayscale=True)
    picture = memoryview(bytes(page.buffer)).cast("B", shape=[page.height, page.stride])
    return [one.text for one in zxingcpp.read_barcodes(picture)]


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


async def test_a_surat_rujukan_is_numbered_printed_and_verified(
    referrals: Running, registry: Registry, send: Send, worker: Any, desk: Any
) -> None:
    referral = await send(client_kind="person", documents=["ktp"])
    letter = await made(worker, referral)
    today = datetime.now(ZoneInfo("Asia/Jakarta"))
    assert letter["number"].endswith(f"/RJK/DINSOS-JS/{ROMAN[today.month - 1]}/{today.year}")
    assert registry.asked[-1] | {"client_id": ""} == {
        **{"client_kind": "person", "client_id": "", "fields": ["name", "nik"], "purpose": "surat rujukan"},
        **{"referral_id": referral["id"], "agency": "dinsos"},
    }

    printed = await worker.get(f"/letters/{letter['id']}/pdf")
    assert (printed.headers["content-type"], printed.headers["cache-control"]) == ("application/pdf", "no-store")
    words = text_of(printed.content)
    for said in (
        letter["number"],
        "Sri #strong[Wahyuni]",
        "3174014101900001",
        "NIP 198001012005011001",
        "Kantor koperasi",
    ):
        assert said in words
    assert "1 berkas" in words
    assert f"Kota Contoh, {today.day} " in words
    claims = PdfReader(BytesIO(printed.content)).xmp_metadata.stream.get_data()  # type: ignore[union-attr]
    assert b"<pdfaid:part>2</pdfaid:part>" in claims
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in claims

    code = await code_of(worker, referral)
    assert barcodes(printed.content) == [f"http://127.0.0.1:8080/verify/{code}"]
    assert (await desk.get(f"/letters/{letter['id']}/pdf")).content == printed.content
    shown = {(line["agency"], line["purpose"], line["letter_id"]) for line in await ledger(referrals, referral["id"])}
    assert shown == {("dinsos", "surat rujukan", letter["id"]), ("koperasi", "surat rujukan", letter["id"])}
    await _anybody_sees_whether_it_holds(referrals, letter, code, printed.content)


async def _anybody_sees_whether_it_holds(referrals: Running, letter: Answer, code: str, pdf: bytes) -> None:
    async with referrals.anonymous() as anybody:
        digest = hashlib.sha256(pdf).hexdigest()
        seen = (await anybody.get(f"/verify/{code}", params={"sha256": digest})).json()
        assert set(seen) == {"number", "kind", "from", "to", "issued_on", "valid", "withdrawn_at", "file"}
        assert (seen["number"], seen["valid"], seen["file"]) == (letter["number"], True, True)
        assert (seen["from"], seen["to"]) == ("Kantor dinsos", "Kantor koperasi")
        other = (await anybody.get(f"/verify/{code}", params={"sha256": hashlib.sha256(pdf + b" ").hexdigest()})).json()
        assert other["file"] is False
        assert (await anybody.get(f"/verify/{'a' * 26}")).status_code == 404
        assert (await anybody.get(f"/verify/{code[:-1]}")).status_code == 422
        assert (await anybody.get(f"/letters/{letter['id']}/pdf")).status_code == 401


async def test_fifty_letters_at_once_are_numbered_one_to_fifty(
    referrals: Running, registry: Registry, nats: Client
) -> None:
    office = f"of-{uuid4().hex[:6]}"
    async with referrals.client("operator") as operator, referrals.client(agency=office) as worker:
        await operator.put(f"/directory/agencies/{office}", json={"name": "Kantor", "kind": "opd"})
        await operator.put(f"/letters/offices/{office}", json=OFFICE)
        sent = await asyncio.gather(*(_sent(worker) for _ in range(50)))
        stale = [referral | {"version": 7} for referral in sent[:10]]
        answers = await asyncio.gather(*(make(worker, one) for one in [*sent[:25], *stale, *sent[25:]]))
        numbers = sorted(one.json()["number"] for one in answers if one.status_code == 201)
        assert [number[:3] for number in numbers] == [f"{seq:03d}" for seq in range(1, 51)]
        assert {one.status_code for one in answers} == {201, 409}
        year = datetime.now(ZoneInfo("Asia/Jakarta")).year
        register = (await worker.get("/letters", params={"year": year, "size": 100})).json()
        assert (register["total"], register["items"][0]["number"]) == (50, numbers[-1])
        async with referrals.client("supervisor", agency="dinsos") as other:
            assert office not in (await other.get("/letters", params={"year": year})).text


async def _sent(worker: httpx.AsyncClient) -> Answer:
    sent = {"service": "izin-usaha-mikro", "client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01"}
    answer = await worker.post("/referrals", json=sent | {"reason": "licence", "legal_basis": "UU 11/2009"})
    referral: Answer = answer.raise_for_status().json()
    return referral


async def test_a_surat_balasan_tells_what_was_decided_and_names_the_letter_that_it_answers(
    registry: Registry, send: Send, give: Give, worker: Any, desk: Any, told: Any
) -> None:
    referral = await send()
    assert slug(await make(desk, referral, "balasan")) == "no-letter-now"
    asked = await made(worker, referral)
    declined = (await give("decline", asked | {"id": referral["id"]}, reason="capacity")).json()
    assert slug(await make(worker, declined)) == "no-letter-now"
    letter = await made(desk, declined, "balasan")
    assert "/BLS/KOP/" in letter["number"]
    words = " ".join(text_of((await worker.get(f"/letters/{letter['id']}/pdf")).content).split())
    assert asked["number"] in words
    assert "belum dapat kami berikan" in words
    assert "kapasitas penuh" in words
    assert "KUBE Melati" in words
    assert "Penuh sampai akhir tahun" not in words  # what was typed freely comes on no letter
    assert [kind for _, kind, _ in await told(referral["id"])] == [
        *("sinergi.referral.requested.v1", "sinergi.referral.letter_issued.v1"),
        *("sinergi.referral.declined.v1", "sinergi.referral.letter_issued.v1"),
    ]


async def test_who_may_not_make_print_or_withdraw_a_letter(
    referrals: Running, registry: Registry, send: Send, worker: Any, desk: Any
) -> None:
    referral = await send()
    letter = await made(worker, referral)
    version = letter["version"]
    assert slug(await make(desk, referral | {"version": version})) == "not-your-agency"
    assert slug(await make(worker, referral | {"version": version}, "balasan")) == "not-your-agency"
    body = {"expected_version": version, "reason": "not-sent"}
    assert slug(await desk.post(f"/letters/{letter['id']}/withdraw", json=body)) == "not-your-agency"
    for client, said in (
        (referrals.client("social_worker", area="31.71"), "outside-your-area"),
        (referrals.client("desk_officer", agency="bptsp"), "not-your-agency"),
        (referrals.client("operator"), "not-permitted"),
        (referrals.client("volunteer"), "not-permitted"),
    ):
        async with client:
            assert slug(await client.get(f"/letters/{letter['id']}/pdf")) == said
            assert slug(await client.get(f"/referrals/{referral['id']}/letters")) == said
    assert slug(await worker.put("/letters/offices/dinsos", json=OFFICE)) == "not-permitted"
    assert {line["agency"] for line in await ledger(referrals, referral["id"])} == {"dinsos"}


async def test_a_letter_is_made_once_for_each_key_and_replaced_only_on_purpose(
    registry: Registry, send: Send, worker: Any
) -> None:
    referral = await send()
    body = {"kind": "rujukan", "expected_version": 1}
    twice = [
        (await worker.post(f"/referrals/{referral['id']}/letters", json=body, headers={"Idempotency-Key": "k-letter"}))
        for _ in range(2)
    ]
    first = twice[0].json()
    assert twice[1].json() == first
    again = await make(worker, first | {"id": referral["id"]})
    assert (slug(again), again.json()["number"]) == ("letter-exists", first["number"])
    assert slug(await make(worker, referral)) == "version-conflict"
    other = await made(worker, first | {"id": referral["id"]}, replaces=first["id"])
    assert other["number"] > first["number"]
    assert slug(await worker.get(f"/letters/{first['id']}/pdf")) == "letter-withdrawn"
    assert (await worker.get(f"/letters/{other['id']}/pdf")).status_code == 200


async def test_a_letter_is_printed_as_it_was_frozen_or_not_at_all(
    referrals: Running, registry: Registry, send: Send, give: Give, worker: Any
) -> None:
    referral = await send(client_kind="person")
    letter = await made(worker, referral)
    before = (await worker.get(f"/letters/{letter['id']}/pdf")).content
    registry.person["birthplace"] = "Contoh"  # a field that the service may not see
    assert (await worker.get(f"/letters/{letter['id']}/pdf")).content == before
    registry.person["name"] = "Sri Wahyuningsih"
    assert slug(await worker.get(f"/letters/{letter['id']}/pdf")) == "letter-changed"
    async with referrals.context.db.begin() as tx:
        row = (await tx.session.execute(text("SELECT * FROM letters WHERE id = :id"), {"id": letter["id"]})).one()
    assert "Wahyuni" not in str(row)
    assert "3174014101900001" not in str(row)
    assert row.files == [hashlib.sha256(before).hexdigest()]


async def test_letters_are_withdrawn_by_their_office_and_with_a_referral_that_was_an_error(
    referrals: Running, registry: Registry, send: Send, give: Give, worker: Any, told: Any
) -> None:
    referral = await send()
    letter = await made(worker, referral)
    path, body = f"/letters/{letter['id']}/withdraw", {"expected_version": letter["version"], "reason": "wrong-content"}
    assert slug(await worker.post(path, json=body | {"expected_version": 1})) == "version-conflict"
    assert slug(await worker.post(path, json=body | {"reason": "replaced"})) == "request-not-valid"
    withdrawn = (await worker.post(path, json=body)).json()
    assert withdrawn["state"] == "withdrawn"
    assert slug(await worker.post(path, json=body | {"expected_version": withdrawn["version"]})) == "letter-withdrawn"
    second = await made(worker, withdrawn | {"id": referral["id"]})
    code = await code_of(worker, referral)
    assert (await give("retract", second | {"id": referral["id"]})).status_code == 200
    async with referrals.anonymous() as anybody:
        seen = (await anybody.get(f"/verify/{code}")).json()
        assert (seen["number"], seen["valid"]) == (second["number"], False)
        assert seen["withdrawn_at"]
    facts = [kind.split(".")[2] for _, kind, _ in await told(referral["id"])]
    assert facts == ["requested", "letter_issued", "letter_withdrawn", "letter_issued", "retracted"]


async def test_letters_close_with_the_details(
    referrals: Running, registry: Registry, send: Send, give: Give, worker: Any
) -> None:
    referral = await send()
    letter = await made(worker, referral)
    declined = (await give("decline", letter | {"id": referral["id"]})).json()
    async with referrals.context.db.begin() as tx:
        age = {"at": datetime.now(UTC) - timedelta(days=31), "id": referral["id"]}
        await tx.session.execute(text("UPDATE referrals SET ended_at = :at WHERE id = :id"), age)
    assert slug(await worker.get(f"/letters/{letter['id']}/pdf")) == "ended-too-long-ago"
    assert declined["state"] == "declined"


async def test_without_the_registry_or_an_office_no_number_is_used(
    referrals: Running, send: Send, worker: Any, nats: Client
) -> None:
    referral = await send()
    before = await _last_number(referrals)
    assert (await make(worker, referral)).status_code == 503
    office = f"of-{uuid4().hex[:6]}"
    async with referrals.client(agency=office) as stranger, disclosing(nats):
        assert slug(await make(stranger, await _sent(stranger))) == "no-letter-office"
        assert slug(await make(worker, referral | {"version": 7})) == "version-conflict"
        assert await _last_number(referrals) == before
        assert (await made(worker, referral))["number"].startswith(f"{before + 1:03d}/")


async def _last_number(referrals: Running) -> int:
    """The last number that Dinsos' counter gave: a number that was used and lost shows here."""
    async with referrals.context.db.begin() as tx:
        last = "SELECT coalesce(max(last), 0) FROM letter_counters WHERE agency = 'dinsos'"
        return int((await tx.session.execute(text(last))).scalar_one())


@pytest.mark.parametrize(
    "wrong",
    [
        {"signatory": OFFICE["signatory"] | {"nip": "123"}},
        {"letterhead": []},
        {"schemes": {"rujukan": "{seq}/{office}"}},
        {"schemes": {"rujukan": "{year}/{office}"}},
        {"schemes": {"rujukan": "{seq.__class__}/{year}"}},
        {"schemes": {"balasan": "{seq:9d}/{year}"}},
        {"schemes": {"balasan": "{seq!r}/{year}"}},
        {"schemes": {"balasan": "{seq}/{year:04d}"}},
        {"schemes": {"balasan": "{seq/{year}"}},
        {"zone": "Europe/Berlin"},
    ],
    ids=["nip", "letterhead", "no-year", "no-seq", "attribute", "digits", "conversion", "year-digits", "brace", "zone"],
)
async def test_an_office_that_breaks_a_rule_is_refused(referrals: Running, wrong: Answer) -> None:
    async with referrals.client("operator") as operator:
        assert slug(await operator.put("/letters/offices/dinsos", json=OFFICE | wrong)) == "request-not-valid"
        assert slug(await operator.put("/letters/offices/nobody", json=OFFICE)) == "no-such-agency"
