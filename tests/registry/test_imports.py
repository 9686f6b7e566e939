"""Imports through the service: good rows kept, bad rows named, people matched by NIK, nothing read twice."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from services.registry.models import Import, Person, Record
from services.registry.workplace import remove_leftovers
from sinergi_operator.samples.bad import BAD_ROW, GOOD_ROWS, write_bad_files
from sinergi_operator.samples.lists import generate
from tests.harness.stack import Running, eventually
from tests.registry.conftest import HandIn
from tests.registry.lists import Someone, city_csv, city_row, ministry_csv, ministry_row, people, someone
from tests.registry.strangers import stranger, strangers

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


async def persons_of(registry: Running, import_id: str) -> list[Person]:
    async with registry.context.db.begin() as tx:
        rows = select(Person).join(Record, Record.person_id == Person.id).where(Record.import_id == import_id)
        return list(await tx.session.scalars(rows.order_by(Record.row)))


async def errors_of(registry: Running, import_id: str) -> list[dict[str, Any]]:
    async with registry.client("operator") as client:
        items: list[dict[str, Any]] = (await client.get(f"/imports/{import_id}/errors?size=100")).json()["items"]
        return items


def a_list(members: list[Someone]) -> bytes:
    return ministry_csv([ministry_row(one) for one in members])


async def test_a_list_is_read_and_its_completion_told(hand_in: HandIn, facts: Facts) -> None:
    done = await hand_in(a_list(strangers(25)))
    counts = [done[name] for name in ("state", "rows_total", "rows_read", "rows_good", "rows_bad", "persons_new")]
    assert counts == ["completed", 25, 25, 25, 0, 25]
    ((kind, body),) = await facts("REGISTRY", done["id"])
    assert kind == "sinergi.import.completed.v1"
    assert (body["rows_good"], body["persons_new"], body["persons_matched"]) == (25, 25, 0)


@pytest.mark.parametrize("kind", ["broken-row", "formula-csv", "formula-xlsx"])
async def test_a_bad_row_is_named_and_the_good_ones_are_kept(
    kind: str, hand_in: HandIn, registry: Running, tmp_path: Path
) -> None:
    path = write_bad_files(tmp_path)[kind]
    done = await hand_in(path.read_bytes(), path.name)
    assert (done["state"], done["rows_good"], done["rows_bad"]) == ("completed", GOOD_ROWS, 1)
    (error,) = await errors_of(registry, done["id"])
    assert error["row"] == BAD_ROW
    assert error["rule"] == ("row-broken" if kind == "broken-row" else "formula-in-cell")
    assert "cmd" not in error["value_masked"]
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("kind", "slug"),
    [
        ("wrong-header", "header-unknown"),
        ("zip-bomb", "file-too-large-unpacked"),
        ("truncated", "file-damaged"),
        ("empty", "file-empty"),
    ],
)
async def test_a_bad_file_fails_with_a_clear_problem(
    kind: str, slug: str, hand_in: HandIn, facts: Facts, tmp_path: Path
) -> None:
    path = write_bad_files(tmp_path)[kind]
    done = await hand_in(path.read_bytes(), path.name)
    assert done["state"] == "failed"
    assert done["problem"]["type"] == f"urn:sinergi:problem:{slug}"
    assert await facts("REGISTRY", done["id"]) == []


async def test_the_same_file_again_is_the_earlier_import(registry: Running, hand_in: HandIn) -> None:
    content = a_list(people(3))
    first = await hand_in(content)
    async with registry.client("operator") as client:
        again = await client.post("/imports", data={"source": "ministry"}, files={"file": ("x.csv", content)})
        other = await client.post("/imports", data={"source": "city"}, files={"file": ("x.csv", content)})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert other.status_code == 202
    assert len(await persons_of(registry, first["id"])) == 3


async def test_a_file_that_failed_may_be_handed_in_again(hand_in: HandIn) -> None:
    content = b"NAMA;UMUR\nBudi;7\n"
    first, second = await hand_in(content), await hand_in(content)
    assert (first["state"], second["state"]) == ("failed", "failed")
    assert first["id"] != second["id"]


async def test_one_nik_in_two_lists_is_one_person(hand_in: HandIn, registry: Running) -> None:
    members = people(10, desil="3")
    first = await hand_in(a_list(members))
    second = await hand_in(city_csv([city_row(one) for one in members]), source="city")
    assert (second["persons_new"], second["persons_matched"]) == (0, 10)
    ids = [person.id for person in await persons_of(registry, first["id"])]
    assert [person.id for person in await persons_of(registry, second["id"])] == ids


async def test_a_second_list_fills_gaps_and_overwrites_nothing(hand_in: HandIn, registry: Running) -> None:
    one = stranger()
    row = ministry_row(one)
    row[4] = ""
    await hand_in(ministry_csv([row]))
    other = city_row(one)
    other[2], other[6] = f"{one.name} Lain", "Jl. Lain"
    done = await hand_in(city_csv([other]), source="city")
    (person,) = await persons_of(registry, done["id"])
    assert (person.name, person.address, person.birth_date) == (one.name.upper(), "JL. CONTOH NO. 1", one.born)
    assert person.sources["birth_date"] != person.record_id


async def test_the_newest_desil_wins(hand_in: HandIn, registry: Running) -> None:
    one = someone(desil="4")
    newer, older = ministry_row(one), ministry_row(one)
    newer[11:], older[11:] = ["1", "2026-Q3"], ["9", "2025-Q1"]
    await hand_in(a_list([one]))
    await hand_in(ministry_csv([newer]))
    done = await hand_in(ministry_csv([older]))
    (person,) = await persons_of(registry, done["id"])
    assert (person.desil, person.desil_period) == (1, "2026-Q3")


async def test_without_a_nik_or_with_one_given_twice_it_is_a_person_of_its_own(
    hand_in: HandIn, registry: Running
) -> None:
    nobody, twice = stranger(nik=""), stranger()
    done = await hand_in(a_list([nobody, twice, stranger(nik=twice.nik), stranger(nik="")]))
    found = await persons_of(registry, done["id"])
    assert len({person.id for person in found}) == 4
    assert [person.unmatched for person in found] == [True, False, True, True]


async def test_a_nik_given_twice_is_found_across_batches(hand_in: HandIn, registry: Running) -> None:
    members = strangers(5_100)
    members.append(stranger(nik=members[0].nik))
    done = await hand_in(a_list(members))
    found = await persons_of(registry, done["id"])
    assert len({person.id for person in found}) == 5_101
    assert [person.unmatched for person in found] == [False] * 5_100 + [True]


async def test_members_of_one_kk_are_one_household(hand_in: HandIn, registry: Running) -> None:
    head = someone()
    done = await hand_in(a_list([head, someone(kk=head.kk, relation="ISTRI", sex="P"), someone()]))
    first, second, third = await persons_of(registry, done["id"])
    assert first.household_id == second.household_id != third.household_id
    assert (first.is_head, second.is_head) == (True, False)


async def test_rows_outside_the_operators_area_are_bad(hand_in: HandIn, registry: Running) -> None:
    done = await hand_in(a_list([someone(), someone(area="31.71.01.1001")]))
    assert (done["rows_good"], done["rows_bad"]) == (1, 1)
    assert [error["rule"] for error in await errors_of(registry, done["id"])] == ["area-outside-scope"]


async def test_the_generators_lists_are_read_and_matched(hand_in: HandIn, tmp_path: Path) -> None:
    files = generate(tmp_path, 2000, seed=11)
    ministry = await hand_in(files.ministry.read_bytes(), files.ministry.name)
    city = await hand_in(files.city.read_bytes(), files.city.name, "city")
    assert (ministry["rows_read"], city["rows_read"]) == (files.ministry_rows, files.city_rows)
    assert ministry["rows_bad"] == files.ministry_broken
    assert city["rows_bad"] == files.city_broken
    assert city["persons_matched"] > 0.9 * files.in_both


async def test_the_file_is_removed_when_it_was_read(hand_in: HandIn, registry: Running) -> None:
    done = await hand_in(a_list(people(2)))
    await eventually(lambda: _no_file_is_left(registry, done["id"]))


async def _no_file_is_left(registry: Running, import_id: str) -> bool:
    """It goes just after the list is told to be completed."""
    return not list(registry.context.settings.files_folder.glob(f"{import_id}*"))  # type: ignore[attr-defined]


async def test_a_refused_upload_leaves_no_file(registry: Running) -> None:
    folder = Path(registry.context.settings.files_folder)  # type: ignore[attr-defined]
    async with registry.client("operator", sub="keeper") as client:
        key = {"Idempotency-Key": str(uuid4())}
        for content, status in ((a_list(people(1)), 202), (a_list(people(1)), 409)):
            files = {"file": ("x.csv", content)}
            answer = await client.post("/imports", data={"source": "city"}, files=files, headers=key)
            assert answer.status_code == status
    kept = set(await asyncio.to_thread(os.listdir, folder))
    async with registry.context.db.begin() as tx:
        known = {str(one) for one in await tx.session.scalars(select(Import.id))}
    assert kept <= known


def test_old_files_without_an_import_and_those_of_ended_imports_are_removed(tmp_path: Path) -> None:
    for name, age in (("old", 7200), ("kept", 7200), ("new", 0), ("ended", 0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    remove_leftovers(tmp_path, {"kept"}, {"ended"})
    assert {path.name for path in tmp_path.glob("*")} == {"kept", "new"}


async def test_an_upload_without_file_or_source_is_refused(registry: Running) -> None:
    async with registry.client("operator") as client:
        for form in ({"data": {"source": "ministry"}}, {"files": {"file": ("a", b"a")}}):
            answer = await client.post("/imports", **form)
            assert (answer.status_code, answer.json()["type"]) == (422, "urn:sinergi:problem:request-not-valid")


async def test_an_upload_that_is_too_large_is_refused_before_it_is_read(registry: Running) -> None:
    async with registry.client("operator") as client:
        answer = await client.post("/imports", headers={"Content-Length": str(10**10)}, content=b"x")
    assert answer.json()["type"] == "urn:sinergi:problem:file-too-large"


async def test_only_an_operator_hands_in_lists(registry: Running) -> None:
    async with registry.client("social_worker") as client:
        answer = await client.post("/imports", data={"source": "city"}, files={"file": ("a.csv", b"a")})
    assert answer.status_code == 403


async def test_an_import_of_another_area_is_not_shown(hand_in: HandIn, registry: Running) -> None:
    done = await hand_in(a_list(people(1)))
    async with registry.client("operator", area="31.71") as client:
        assert (await client.get(f"/imports/{done['id']}")).status_code == 403
        assert (await client.get(f"/imports/{done['id']}/errors")).status_code == 403
        listed = (await client.get("/imports?size=100")).json()["items"]
    assert done["id"] not in {one["id"] for one in listed}


async def test_a_finished_import_is_not_read_again(hand_in: HandIn, registry: Running) -> None:
    done = await hand_in(a_list(people(5)))
    async with registry.context.db.begin() as tx:
        rows = await tx.session.scalar(
            text("SELECT count(*) FROM records WHERE import_id = CAST(:id AS uuid)"), {"id": done["id"]}
        )
    assert rows == 5
