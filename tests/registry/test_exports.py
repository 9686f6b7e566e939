"""The kecamatan's own list: encrypted, inside the area, and everybody can learn that he was in it."""

import asyncio
import json
from io import BytesIO
from typing import Any

import pytest
from python_calamine import load_workbook
from sqlalchemy import text

from services.registry import export_worker
from tests.harness.stack import Running
from tests.registry.known_people import Said, household, settle
from tests.registry.office_file import WrongPassword, opened
from tests.registry.test_known_aid import given
from tests.registry.test_known_needs import post

PASSWORD = "kata-sandi-ksdsk"
PURPOSE = "verifikasi lapangan Oktober"
ASKED = {"purpose": PURPOSE, "password": PASSWORD}


async def ask(registry: Running, code: str, area: str = "31", role: str = "operator", **more: Any) -> dict[str, Any]:
    async with registry.client(role, area=area, sub="ksdsk-1") as client:
        found: dict[str, Any] = (await client.post(f"/areas/{code}/export", json=ASKED | more)).json()
        return found


async def ready(registry: Running, export: dict[str, Any], eventually: Any) -> dict[str, Any]:
    async def state() -> dict[str, Any] | None:
        async with registry.client("operator", area="31") as client:
            now: dict[str, Any] = (await client.get(f"/exports/{export['id']}")).json()
        return now if now["state"] in ("ready", "failed") else None

    found: dict[str, Any] = await eventually(state, timeout=60)
    return found


async def download(registry: Running, export: dict[str, Any], sub: str = "ksdsk-1") -> Any:
    async with registry.client("operator", area="31", sub=sub) as client:
        return await client.get(f"/exports/{export['id']}/file")


def rows(content: bytes) -> list[dict[str, Any]]:
    header, *found = load_workbook(BytesIO(content)).get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in found]


async def test_a_kecamatans_people_come_as_a_workbook_that_its_password_opens(
    registry: Running, eventually: Any
) -> None:
    db, area = registry.context.db, "31.72.01.1001"
    home = await household(db, area)
    said = [Said("city", need="fakir-miskin", desil=2, period="2026-Q2")]
    shared: dict[str, Any] = {"area": area, "household_id": home, "desil": 2, "desil_period": "2026-Q2"}
    head = await settle(db, said=said, name="=HYPERLINK(1)", nik="3172010101800001", **shared)
    await settle(db, said=[Said("city", need="hiv-aids")], nik=None, is_head=False, **shared)
    await settle(db, area="31.72.01.1002")
    await settle(db, area="31.72.02.1001")
    await post(registry, "/aid", given(head), area="31")
    export = await ask(registry, "31.72.01")
    done = await ready(registry, export, eventually)
    assert (done["state"], done["people"]) == ("ready", 3)
    answer = await download(registry, export)
    assert (len(answer.content), answer.headers["cache-control"]) == (done["bytes"], "no-store")
    first, second, third = rows(opened(answer.content, PASSWORD))
    assert (first["NIK"], first["Nama"]) == ("3172010101800001", "'=HYPERLINK(1)")
    assert (first["Kategori PPKS"], first["Desil"]) == ("Fakir miskin", "2")
    assert first["Bantuan"] == "Program Keluarga Harapan"
    assert (second["NIK"], second["Kategori PPKS"]) == ("", "")  # specific data stays where it is
    assert third["Kode kelurahan"] == "31.72.01.1002"
    with pytest.raises(WrongPassword):
        opened(answer.content, "kata-sandi-lain")


async def test_neither_password_nor_key_is_kept(registry: Running, eventually: Any) -> None:
    await settle(registry.context.db, area="31.72.03.1001")
    export = await ask(registry, "31.72.03")
    await ready(registry, export, eventually)
    async with registry.context.db.begin() as tx:
        statement = text("SELECT to_jsonb(e)::text FROM exports e WHERE id = :id")
        row = str(await tx.session.scalar(statement, {"id": export["id"]}))
    assert PASSWORD not in row
    assert json.loads(row)["sealed_key"] is None


async def test_asking_writing_and_fetching_are_in_the_audit_and_a_person_learns_of_it(
    registry: Running, eventually: Any
) -> None:
    person = await settle(registry.context.db, area="31.72.04.1001")
    export = await ask(registry, "31.72.04")
    await ready(registry, export, eventually)
    await download(registry, export)
    async with registry.client("auditor") as client:
        (entry,) = (await client.get(f"/persons/{person}/exports")).json()["items"]
        trail = (await client.get("/audit", params={"subject_kind": "export", "subject_id": export["id"]})).json()
        area = (await client.get("/audit", params={"subject_kind": "area", "subject_id": "31.72.04"})).json()
    assert (entry["id"], entry["purpose"], entry["requested_by"]) == (export["id"], PURPOSE, "ksdsk-1")
    assert [row["action"] for row in trail["items"]] == ["export.download", "export.start"]
    (row,) = area["items"]
    assert (row["action"], row["actor"]) == ("person.export", "ksdsk-1")
    assert row["purpose"] == f"{PURPOSE} (export {export['id']}, 1 people)"


async def test_only_who_asked_may_fetch_the_file_and_only_when_it_is_there(registry: Running, eventually: Any) -> None:
    await settle(registry.context.db, area="31.72.05.1001")
    export = await ask(registry, "31.72.05")
    await ready(registry, export, eventually)
    refused = await download(registry, export, sub="somebody-else")
    assert refused.json()["type"] == "urn:sinergi:problem:not-your-export"
    async with registry.context.db.begin() as tx:
        statement = "UPDATE exports SET expires_at = now() - interval '1 s' WHERE id = :id"
        await tx.session.execute(text(statement), {"id": export["id"]})

    async def expired() -> bool:
        return bool((await download(registry, export)).json()["state"] == "expired")

    async def gone() -> bool:
        return (await download(registry, export)).status_code == 409

    assert await eventually(gone)
    assert await expired()
    async with registry.context.db.begin() as tx:
        left = await tx.session.scalar(text("SELECT count(*) FROM export_parts WHERE export_id = :id"), export)
    assert left == 0


@pytest.mark.parametrize(
    ("code", "area", "more", "problem"),
    [
        ("31.72", "31", {}, "export-too-wide"),
        ("31.72.01", "31.74", {}, "outside-your-area"),
        ("31.72.99", "31", {}, "area-unknown"),
        ("31.72.01", "31", {"password": "pendek"}, "request-not-valid"),
        ("31.72.01", "31", {"purpose": ""}, "request-not-valid"),
    ],
    ids=["too-wide", "elsewhere", "unknown", "short-password", "no-purpose"],
)
async def test_an_export_that_may_not_be_is_refused(
    code: str, area: str, more: dict[str, Any], problem: str, registry: Running
) -> None:
    assert (await ask(registry, code, area, **more))["type"] == f"urn:sinergi:problem:{problem}"


async def test_a_social_worker_takes_no_list_away(registry: Running) -> None:
    assert (await ask(registry, "31.72.01", role="social_worker"))["type"] == "urn:sinergi:problem:not-permitted"


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The worker breaks in the middle of the file, as often as the list's one number says."""
    left, keep = [0], export_worker._keep

    async def broken(export_id: Any, pieces: Any, tx: Any) -> int:
        size = await keep(export_id, pieces, tx)
        if left[0] > 0:
            left[0] -= 1
            raise ConnectionResetError("the text may quote a row")
        return size

    monkeypatch.setattr(export_worker, "_keep", broken)
    monkeypatch.setattr(export_worker, "AGAIN_SECONDS", 0.05)
    return left


async def test_an_export_whose_writing_broke_is_written_once_and_whole(
    registry: Running, eventually: Any, breaking: list[int]
) -> None:
    breaking[0] = 2
    person = await settle(registry.context.db, area="31.72.06.1001")
    export = await ask(registry, "31.72.06")
    assert (await ready(registry, export, eventually))["state"] == "ready"
    assert len(rows(opened((await download(registry, export)).content, PASSWORD))) == 1
    async with registry.client("auditor") as client:
        assert len((await client.get(f"/persons/{person}/exports")).json()["items"]) == 1


async def test_an_export_that_breaks_each_time_is_given_up(
    registry: Running, eventually: Any, breaking: list[int]
) -> None:
    breaking[0] = 100
    export = await ask(registry, "31.72.06")
    assert (await ready(registry, export, eventually))["state"] == "failed"
    breaking[0] = 0
    assert (await download(registry, export)).json()["type"] == "urn:sinergi:problem:export-not-ready"


async def test_one_asks_for_three_exports_at_a_time(registry: Running, breaking: list[int], eventually: Any) -> None:
    breaking[0] = 100
    answers = await asyncio.gather(*(ask(registry, "31.72.06", purpose=f"tujuan {number}") for number in range(3)))
    refused = await ask(registry, "31.72.06")
    assert refused["type"] == "urn:sinergi:problem:exports-waiting"
    for export in answers:
        assert (await ready(registry, export, eventually))["state"] == "failed"
