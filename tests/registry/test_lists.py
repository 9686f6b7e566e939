"""Lists over HTTP: where they come from, how they are mapped, how far they are, and how bad rows are corrected."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text

from services.registry.models import Import, Person, Record
from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import Someone, ministry_csv, ministry_row
from tests.registry.strangers import stranger, strangers

STRANGE = ["No KTP", "Nama Anggota", "Tgl. Lahir", "JK", "Kode Desa"]
MAPPING = {"nik": "No KTP", "name": "Nama Anggota", "birth_date": "Tgl. Lahir", "sex": "JK", "area": "Kode Desa"}
Put = Callable[..., Awaitable[Any]]


def strange_list(members: list[Someone]) -> bytes:
    rows = [[one.nik, one.name, f"{one.born:%d-%m-%Y}", one.sex, one.area] for one in members]
    return ministry_csv(rows, STRANGE)


async def add_source(registry: Running, code: str, **more: Any) -> None:
    async with registry.client("operator") as client:
        answer = await client.put(f"/sources/{code}", json={"name": "Sebuah sumber", "rank": 30} | more)
        assert answer.status_code == 200, answer.text


async def records_of(registry: Running, import_id: str) -> list[Record]:
    async with registry.context.db.begin() as tx:
        rows = select(Record).where(Record.import_id == import_id).order_by(Record.row)
        return list(await tx.session.scalars(rows))


# --------------------------------------------------------------------- sources


async def test_sources_are_data_and_the_most_trusted_comes_first(registry: Running) -> None:
    await add_source(registry, "puskesmas", rank=15)
    async with registry.client("operator") as client:
        items = (await client.get("/sources")).json()["items"]
    ranks = {one["code"]: one["rank"] for one in items}
    assert {"request": 0, "entry": 5, "ministry": 10, "puskesmas": 15, "city": 20}.items() <= ranks.items()
    assert list(ranks.values()) == sorted(ranks.values())


async def test_a_list_of_an_added_source_is_read(registry: Running, hand_in: HandIn) -> None:
    await add_source(registry, "desa", list_date="2026-03-31")
    done = await hand_in(ministry_csv([ministry_row(stranger())]), source="desa")
    assert (done["state"], done["source"], done["list_date"]) == ("completed", "desa", "2026-03-31")
    (record,) = await records_of(registry, done["id"])
    assert (record.source, record.observed_on) == ("desa", date(2026, 3, 31))


@pytest.mark.parametrize("source", ["nobody", "entry", "request"])
async def test_a_list_of_no_source_of_lists_is_refused(source: str, registry: Running) -> None:
    async with registry.client("operator") as client:
        answer = await client.post("/imports", data={"source": source}, files={"file": ("a.csv", b"a")})
        again = await client.put("/sources/entry", json={"name": "Mine now", "rank": 1})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:sinergi:problem:source-unknown")
    assert (again.status_code, again.json()["type"]) == (409, "urn:sinergi:problem:source-not-yours")


async def test_a_text_with_a_nul_is_told_and_not_our_error(registry: Running) -> None:
    async with registry.client("operator") as client:
        answer = await client.put("/sources/nul", json={"name": "Sumber\0", "rank": 1})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:sinergi:problem:request-not-valid")


async def test_only_an_operator_changes_sources(registry: Running) -> None:
    async with registry.client("auditor") as client:
        assert (await client.get("/sources")).status_code == 200
        assert (await client.put("/sources/x1", json={"name": "abc", "rank": 1})).status_code == 403
        assert (await client.put("/sources/city/mapping", json=MAPPING)).status_code == 403
    async with registry.client("social_worker") as client:
        assert (await client.get("/sources")).status_code == 403


async def test_a_list_says_when_it_was_drawn(registry: Running) -> None:
    content = ministry_csv([ministry_row(stranger())])
    async with registry.client("operator") as client:
        about = {"source": "city", "list_date": "2025-12-31"}
        answer = await client.post("/imports", data=about, files={"file": ("a.csv", content)})
        found = (await client.get(f"/imports/{answer.json()['id']}")).json()
        for wrong in (str(date.today() + timedelta(days=2)), "yesterday"):
            refused = await client.post("/imports", data=about | {"list_date": wrong}, files={"file": ("b.csv", b"b")})
            assert refused.status_code == 422
    assert found["list_date"] == "2025-12-31"


# -------------------------------------------------------------------- mappings


async def test_an_unknown_header_fails_with_a_proposal_which_then_serves_every_list_of_the_source(
    registry: Running, hand_in: HandIn
) -> None:
    await add_source(registry, "panti")
    failed = await hand_in(strange_list(strangers(2)), source="panti")
    assert (failed["state"], failed["problem"]["type"]) == ("failed", "urn:sinergi:problem:header-unknown")
    assert (failed["problem"]["columns"], failed["problem"]["mapping"]) == (STRANGE, MAPPING)
    async with registry.client("operator") as client:
        answer = await client.put("/sources/panti/mapping", json=failed["problem"]["mapping"])
        assert (answer.status_code, answer.json()["mapping"]) == (200, MAPPING)
        assert (await client.get("/sources/panti/mapping")).json()["mapping"] == MAPPING
    members = strangers(3)
    done = await hand_in(strange_list(members), source="panti")
    assert (done["state"], done["rows_good"], done["mapping"]) == ("completed", 3, MAPPING)
    assert [one.nik for one in await records_of(registry, done["id"])] == [one.nik for one in members]


async def test_a_mapping_that_comes_with_a_list_is_saved_for_the_next(registry: Running, hand_in: HandIn) -> None:
    await add_source(registry, "kecamatan")
    about = {"source": "kecamatan", "mapping": json.dumps(MAPPING)}
    async with registry.client("operator") as client:
        files = {"file": ("a.csv", strange_list(strangers(1)))}
        assert (await client.post("/imports", data=about, files=files)).status_code == 202
    assert (await hand_in(strange_list(strangers(1)), source="kecamatan"))["state"] == "completed"


@pytest.mark.parametrize(
    ("mapping", "slug"),
    [
        ({"name": "Nama"}, "mapping-not-valid"),
        ({"name": "Nama", "area": "Nama"}, "mapping-not-valid"),
        ({"name": "Nama", "area": "Kode", "row": "Baris"}, "mapping-not-valid"),
        ({"name": "Nama", "area": "Kode", "rt_rw": "RT/RW", "rt": "RT"}, "mapping-not-valid"),
        (["name"], "request-not-valid"),
    ],
    ids=["no-area", "one-column-twice", "unknown-field", "rt-twice", "no-object"],
)
async def test_a_mapping_that_cannot_serve_is_refused(mapping: Any, slug: str, registry: Running) -> None:
    async with registry.client("operator") as client:
        about = {"source": "city", "mapping": json.dumps(mapping)}
        answer = await client.post("/imports", data=about, files={"file": ("a.csv", b"a")})
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:sinergi:problem:{slug}")


# -------------------------------------------------------------------- progress


async def test_progress_is_told_until_the_import_has_ended(registry: Running) -> None:
    content = ministry_csv([ministry_row(one) for one in strangers(200)])
    async with registry.client("operator") as client:
        answer = await client.post("/imports", data={"source": "ministry"}, files={"file": ("a.csv", content)})
        stream = await client.get(f"/imports/{answer.json()['id']}/progress")
    assert stream.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line.removeprefix("data: ")) for line in stream.text.splitlines() if line.startswith("data: ")]
    assert told[0]["state"] in ("queued", "running", "completed")
    assert (told[-1]["state"], told[-1]["rows_good"]) == ("completed", 200)


async def test_progress_of_another_area_is_not_told(registry: Running, hand_in: HandIn) -> None:
    done = await hand_in(ministry_csv([ministry_row(stranger())]))
    async with registry.client("operator", area="31.71") as client:
        assert (await client.get(f"/imports/{done['id']}/progress")).status_code == 403


# ----------------------------------------------------------------- corrections


def two_bad_rows() -> tuple[list[Someone], bytes]:
    """Five people; the second (row 3) has no name, the fourth (row 5) has a formula for one."""
    members = strangers(5)
    rows = [ministry_row(one) for one in members]
    rows[1][2], rows[3][2] = "", "=cmd|' /C calc'!A0"
    return members, ministry_csv(rows)


async def workbook_of(registry: Running, import_id: str) -> list[list[Any]]:
    async with registry.client("operator") as client:
        answer = await client.get(f"/imports/{import_id}/errors.xlsx")
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = (
        CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    )
    return found


def as_workbook(rows: list[list[Any]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return content.getvalue()


async def correct(registry: Running, import_id: str, content: bytes, eventually: Any) -> dict[str, Any]:
    async with registry.client("operator") as client:
        files = {"file": ("perbaikan.xlsx", content)}
        answer = await client.post(f"/imports/{import_id}/corrections", files=files)
        assert answer.status_code in (200, 202), answer.text

        async def done() -> dict[str, Any] | None:
            now: dict[str, Any] = (await client.get(f"/imports/{answer.json()['id']}")).json()
            return now if now["state"] in ("completed", "failed") else None

        found: dict[str, Any] = await eventually(done, timeout=60)
        return found


async def errors_of(registry: Running, import_id: str) -> list[dict[str, Any]]:
    async with registry.client("operator") as client:
        items: list[dict[str, Any]] = (await client.get(f"/imports/{import_id}/errors?size=100")).json()["items"]
        return items


async def test_bad_rows_come_back_as_they_came_with_what_is_wrong_in_words(registry: Running, hand_in: HandIn) -> None:
    members, content = two_bad_rows()
    done = await hand_in(content)
    header, first, second = await workbook_of(registry, done["id"])
    assert (header[0], header[1], header[-1]) == ("Baris", "NO_KK", "Kesalahan")
    assert (first[0], first[2], first[3], first[-1]) == (3, members[1].nik, "", "Nama kosong.")
    assert (second[0], second[3], second[-1]) == (5, "'=cmd|' /C calc'!A0", "Sel berisi rumus, bukan nilai.")


async def test_a_corrected_row_is_read_under_its_number_and_leaves_the_errors(
    registry: Running, hand_in: HandIn, eventually: Any
) -> None:
    members, content = two_bad_rows()
    done = await hand_in(content)
    rows = await workbook_of(registry, done["id"])
    rows[1][3] = "Nama Yang Benar"
    corrected = await correct(registry, done["id"], as_workbook(rows), eventually)
    shown = [corrected[name] for name in ("state", "kind", "corrects", "rows_good", "rows_bad", "list_date")]
    assert shown == ["completed", "correction", done["id"], 1, 1, done["list_date"]]
    (record,) = await records_of(registry, corrected["id"])
    assert (record.row, record.name, record.nik, record.source) == (3, "Nama Yang Benar", members[1].nik, "ministry")
    assert [error["row"] for error in await errors_of(registry, done["id"])] == [5]
    assert [row[0] for row in (await workbook_of(registry, done["id"]))[1:]] == [5]
    async with registry.client("operator") as client:
        now = (await client.get(f"/imports/{done['id']}")).json()
    assert (now["rows_bad"], now["rows_corrected"]) == (2, 1)


async def test_a_corrected_row_shows_its_raw_row_under_the_person(
    registry: Running, hand_in: HandIn, eventually: Any
) -> None:
    _, content = two_bad_rows()
    done = await hand_in(content)
    rows = await workbook_of(registry, done["id"])
    rows[1][3], rows[2][3] = "Pertama Benar", "Kedua Benar"
    corrected = await correct(registry, done["id"], as_workbook([rows[0], rows[2], rows[1]]), eventually)
    assert corrected["rows_good"] == 2
    first, _ = await records_of(registry, corrected["id"])
    async with registry.client("operator") as client:
        person = (await client.get(f"/persons/{first.person_id}?purpose=a test of it")).json()
        again = await client.get(f"/imports/{done['id']}/errors.xlsx")
    assert person["records"][0]["raw"]["NAMA_LENGKAP"] == "Pertama Benar"
    assert "Baris" not in person["records"][0]["raw"]
    assert (again.status_code, again.json()["type"]) == (409, "urn:sinergi:problem:nothing-to-correct")


async def test_the_same_correction_again_is_the_earlier_one(
    registry: Running, hand_in: HandIn, eventually: Any
) -> None:
    _, content = two_bad_rows()
    done = await hand_in(content)
    rows = await workbook_of(registry, done["id"])
    rows[1][3] = "Nama Yang Benar"
    file = as_workbook(rows)
    first, again = [await correct(registry, done["id"], file, eventually) for _ in range(2)]
    assert first["id"] == again["id"]


async def test_a_row_that_was_good_or_corrected_before_cannot_be_corrected(
    registry: Running, hand_in: HandIn, eventually: Any
) -> None:
    _, content = two_bad_rows()
    done = await hand_in(content)
    rows = await workbook_of(registry, done["id"])
    rows[1][3] = "Nama Yang Benar"
    await correct(registry, done["id"], as_workbook(rows[:2]), eventually)
    rows[1][3], rows[2][0] = "Nama Lain Lagi", 2
    second = await correct(registry, done["id"], as_workbook(rows), eventually)
    assert (second["rows_good"], second["rows_bad"]) == (0, 2)
    assert {error["rule"] for error in await errors_of(registry, second["id"])} == {"row-not-to-correct"}


async def test_bad_rows_are_for_the_operator_of_their_area_and_their_opening_is_audited(
    registry: Running, hand_in: HandIn
) -> None:
    _, content = two_bad_rows()
    done = await hand_in(content)
    for role, area in (("auditor", "31.74"), ("social_worker", "31.74"), ("operator", "31.71")):
        async with registry.client(role, area=area) as client:
            url = f"/imports/{done['id']}"
            assert (await client.get(f"{url}/errors.xlsx")).status_code == 403
            answer = await client.post(f"{url}/corrections", files={"file": ("a.csv", b"a")})
            assert answer.status_code == 403
    await workbook_of(registry, done["id"])
    async with registry.context.db.begin() as tx:
        audited = text("SELECT count(*) FROM audit WHERE action = 'import.bad_rows' AND subject_id = :id")
        assert await tx.session.scalar(audited, {"id": done["id"]}) == 1


async def test_the_database_holds_no_bad_row_in_the_clear(registry: Running, hand_in: HandIn) -> None:
    members, content = two_bad_rows()
    done = await hand_in(content)
    async with registry.context.db.begin() as tx:
        rows = text("SELECT row, sealed FROM import_bad_rows WHERE import_id = CAST(:id AS uuid) ORDER BY row")
        kept = (await tx.session.execute(rows, {"id": done["id"]})).all()
    assert [row for row, _ in kept] == [0, 3, 5]
    assert all(members[1].nik.encode() not in bytes(sealed) for _, sealed in kept)


async def test_no_workbook_is_left_in_the_files_folder(registry: Running, hand_in: HandIn) -> None:
    _, content = two_bad_rows()
    done = await hand_in(content)
    await workbook_of(registry, done["id"])
    folder = Path(registry.context.settings.files_folder)  # type: ignore[attr-defined]
    async with registry.context.db.begin() as tx:
        known = {str(one) for one in await tx.session.scalars(select(Import.id))}
    left = await asyncio.to_thread(lambda: {path.stem for path in folder.glob("*")})
    assert left <= known


async def test_what_nobody_corrects_is_refused_with_the_reason(
    registry: Running, hand_in: HandIn, eventually: Any
) -> None:
    clean = await hand_in(ministry_csv([ministry_row(stranger())]))
    _, content = two_bad_rows()
    done = await hand_in(content)
    rows = await workbook_of(registry, done["id"])
    corrected = await correct(registry, done["id"], as_workbook(rows), eventually)
    failed = await hand_in(b"NAMA;UMUR\n")
    expected = {
        clean["id"]: "nothing-to-correct",
        corrected["id"]: "correction-of-correction",
        failed["id"]: "import-not-finished",
    }
    async with registry.client("operator") as client:
        for import_id, slug in expected.items():
            answer = await client.post(f"/imports/{import_id}/corrections", files={"file": ("a.csv", b"a;b")})
            assert answer.json()["type"] == f"urn:sinergi:problem:{slug}"
    async with registry.context.db.begin() as tx:
        assert await tx.session.scalar(select(Person.id).where(Person.name.startswith("=cmd")).limit(1)) is None
