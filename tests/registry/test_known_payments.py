"""Lists of payments by NIK: good rows go on, bad rows are reported, and a list sent twice counts once."""

from io import BytesIO
from typing import Any

import pytest
import xlsxwriter

from services.registry import payments
from services.registry.payments import read_payments
from services.registry.xlsx import Limits
from sinergi.problems import Refused
from tests.harness.stack import Running
from tests.registry.known_people import household, merge, settle
from tests.registry.lists import someone
from tests.registry.test_known_aid import given, ledger
from tests.registry.test_known_needs import post

HEADER = ["NIK", "NOMINAL", "TANGGAL", "REFERENSI"]
PKH = {"programme": "pkh", "period": "2026-Q3", "giver": "kemensos"}
LIMITS = Limits(10**8, 200, 100)


def csv(*rows: list[str], delimiter: str = ";") -> bytes:
    return "\n".join(delimiter.join(row) for row in (HEADER, *rows)).encode()


def paid(nik: str, reference: str = "SP2D-9", amount: str = "Rp 750.000,00", day: str = "01-08-2026") -> list[str]:
    return [nik, amount, day, reference]


async def send(registry: Running, content: bytes, area: str = "31.74", role: str = "operator", **about: str) -> Any:
    async with registry.client(role, area=area) as client:
        return (await client.post("/aid/lists", params=PKH | about, content=content)).json()


async def test_good_rows_are_recorded_and_bad_ones_reported_by_row_and_rule(registry: Running) -> None:
    niks = [someone().nik for _ in range(3)]
    people = [await settle(registry.context.db, nik=nik) for nik in niks]
    told = await send(
        registry,
        csv(
            *(paid(niks[0]), paid("317", amount="1"), paid(niks[1], amount="1,5"), paid(niks[1], day="32-01-2026")),
            *(paid(niks[1], reference=""), paid(someone().nik), paid(niks[2], amount="900000")),
        ),
    )
    rules = {one["row"]: one["rule"] for one in told["bad"]}
    assert rules == {
        **{3: "nik-not-16-digits", 4: "amount-unreadable", 5: "day-unreadable", 6: "reference-empty"},
        7: "nik-unknown",
    }
    assert (told["recorded"], told["known"], told["bad_rows"]) == (2, 0, 5)
    (item,) = (await ledger(registry, people[2]))["items"]
    assert (item["amount"], item["given_on"], item["reference"]) == (900_000, "2026-08-01", "SP2D-9")
    assert (await ledger(registry, people[1]))["items"] == []


async def test_a_list_sent_twice_is_recorded_once(registry: Running) -> None:
    nik = someone().nik
    await settle(registry.context.db, nik=nik)
    first, second = [await send(registry, csv(paid(nik))) for _ in range(2)]
    assert (first["recorded"], second["recorded"], second["known"], second["bad"]) == (1, 0, 1, [])


async def test_a_double_in_the_list_or_against_the_ledger_is_a_bad_row(registry: Running) -> None:
    db = registry.context.db
    home = await household(db)
    head, wife, other = someone().nik, someone().nik, someone().nik
    await settle(db, nik=head, household_id=home)
    await settle(db, nik=wife, household_id=home, is_head=False)
    paid_before = await settle(db, nik=other)
    await post(registry, "/aid", given(paid_before, period="2026-Q3", reference="OLD"))
    told = await send(registry, csv(paid(head), paid(wife, "SP2D-10"), paid(other)))
    assert {one["row"]: one["rule"] for one in told["bad"]} == {3: "aid-twice", 4: "aid-twice"}
    assert told["recorded"] == 1


async def test_a_payment_despite_an_excluding_programme_is_recorded_and_flagged(registry: Running) -> None:
    nik = someone().nik
    person = await settle(registry.context.db, nik=nik)
    await post(registry, "/aid", given(person, period="2026-Q3"))
    told = await send(registry, csv(paid(nik)), programme="blt-desa", period="2026-08")
    assert (told["recorded"], told["flagged"]) == (1, 1)
    flagged = [one["excluded_by"] for one in (await ledger(registry, person))["items"] if one["excluded_by"]]
    assert flagged == [["pkh"]]


async def test_the_nik_of_a_merged_person_pays_the_survivor(registry: Running) -> None:
    db, nik = registry.context.db, someone().nik
    survivor, loser = await settle(db), await settle(db, nik=nik)
    await merge(db, loser, survivor)
    assert (await send(registry, csv(paid(nik))))["recorded"] == 1
    assert len((await ledger(registry, survivor))["items"]) == 1


async def test_somebody_elsewhere_is_as_unknown_as_nobody(registry: Running) -> None:
    nik = someone().nik
    await settle(registry.context.db, nik=nik, area="31.71.07.1001")
    told = await send(registry, csv(paid(nik), paid(someone().nik)))
    assert [one["rule"] for one in told["bad"]] == ["nik-unknown"] * 2


async def test_a_workbook_is_read_like_a_csv(registry: Running) -> None:
    nik, target = someone().nik, BytesIO()
    await settle(registry.context.db, nik=nik)
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, [nik, 750000, "2026-08-01", "SP2D-9"])
    assert (await send(registry, target.getvalue()))["recorded"] == 1


async def test_a_list_is_read_in_batches_of_a_thousand(registry: Running, tmp_path: Any) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(csv(*(paid(f"{number:016}") for number in range(2500))))
    assert [len(good) + len(bad) for good, bad in read_payments(path, LIMITS)] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"NAMA;NOMINAL\nBudi;1", "header-unknown"),
        (b"", "header-unknown"),
        (b"PK\x03\x04 no workbook", "file-damaged"),
        (csv().replace(b"NIK", b"N\xffK"), "encoding-unknown"),
    ],
    ids=["columns", "empty", "zip", "encoding"],
)
async def test_a_file_that_cannot_be_read_is_refused(content: bytes, problem: str, registry: Running) -> None:
    assert (await send(registry, content))["type"] == f"urn:sinergi:problem:{problem}"


async def test_a_list_that_is_too_long_or_too_large_is_refused(
    registry: Running, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "_MOST_ROWS", 10)
    path = tmp_path / "list.csv"
    path.write_bytes(csv(*(paid(f"{number:016}") for number in range(20))))
    with pytest.raises(Refused, match="list-too-long"):
        list(read_payments(path, LIMITS))
    refused = await send(registry, b" " * (21 * 1024**2))
    assert refused["type"] == "urn:sinergi:problem:file-too-large"


async def test_a_social_worker_hands_in_no_list(registry: Running) -> None:
    assert (await send(registry, csv(), role="social_worker"))["type"] == "urn:sinergi:problem:not-permitted"
    assert (await send(registry, csv(), period="2026"))["recorded"] == 0
    nik = someone().nik
    await settle(registry.context.db, nik=nik)
    assert (await send(registry, csv(paid(nik)), period="2026"))["type"] == "urn:sinergi:problem:period-unknown"
