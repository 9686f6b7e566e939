"""The directory as a workbook: what goes out comes in again unchanged, and a bad row is told where it is bad."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from services.referrals import workbook_reading
from services.referrals.workbook_layout import COLUMNS
from tests.harness.stack import Running
from tests.referrals.conftest import LICENCE
from tests.referrals.test_hsds import DESK, RULES

AGENCY = {"code": "baznas", "name": "Baznas", "kind": "opd", "connected": "no"}
BENEFIT = {
    **{"code": "modal-usaha", "agency": "baznas", "desk": "modal", "name": "Modal usaha", "purpose": "Bantuan modal"},
    **{"needs": "fakir-miskin, economic", "documents": "ktp", "routine_decide": "7 days", "urgent_decide": "24 hours"},
}
RULE = {"service": "modal-usaha", "line": 1, "fact": "desil", "op": "<=", "value": 4, "of": "each"}
IN_ALL = {
    "areas": [{"service": "modal-usaha", "area": "31.74"}],
    "fields": [{"service": "modal-usaha", "field": "name"}],
}


@pytest.fixture(scope="module")
async def operator(referrals: Running) -> AsyncIterator[Any]:
    async with referrals.client("operator") as client:
        yield client


def book(**sheets: list[dict[str, Any]]) -> bytes:
    """A workbook with these rows under the columns that belong to each sheet."""
    made, target = Workbook(), BytesIO()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        columns = COLUMNS.get(name, ("code",))
        sheet.append(columns)
        for row in rows:
            sheet.append([row.get(column) for column in columns])
    made.save(target)
    return target.getvalue()


async def hand_in(client: Any, content: bytes, **form: str) -> Any:
    return await client.post("/directory/workbook", files={"file": ("direktori.xlsx", content)}, data=form)


async def test_what_goes_out_comes_in_again_and_changes_nothing(operator: Any) -> None:
    (await operator.put("/directory/desks/bptsp/izin-usaha", json=DESK)).raise_for_status()
    clocks = {"routine": {"acknowledge": {"days": 3}}, "urgent": {"decide": {"hours": 48}}}
    more = {
        "eligibility": RULES,
        "needs": ["economic", "fakir-miskin"],
        "clocks": clocks,
        "areas": ["*", "31.74"],
        "details_days": 90,
    }
    (await operator.put("/directory/services/izin-xlsx", json=LICENCE | more)).raise_for_status()
    before = (await operator.get("/directory/services/izin-xlsx")).json()
    out = (await operator.get("/directory/workbook.xlsx")).content
    assert load_workbook(BytesIO(out)).sheetnames == list(COLUMNS)
    for form in ({"dry_run": "true"}, {}):
        told = (await hand_in(operator, out, **form)).json()
        assert told["problems"] == []
        assert set(told["changed"].values()) == {0}
        assert told["good"]["services"] >= 3
    assert (await operator.get("/directory/services/izin-xlsx")).json() == before


async def test_a_dry_run_keeps_nothing_and_the_run_in_earnest_keeps_it_once(operator: Any) -> None:
    content = book(agencies=[AGENCY], services=[BENEFIT], eligibility=[RULE], **IN_ALL)
    dry = (await hand_in(operator, content, dry_run="true")).json()
    assert (dry["dry_run"], dry["changed"]) == (True, {"agencies": 1, "services": 1})
    assert (await operator.get("/directory/services/modal-usaha")).status_code == 404
    done = await asyncio.gather(*(hand_in(operator, content) for _ in range(4)))
    assert sorted(one.json()["changed"]["services"] for one in done) == [0, 0, 0, 1]
    kept = (await operator.get("/directory/services/modal-usaha")).json()
    assert kept["eligibility"] == {"all": [{"fact": "desil", "op": "<=", "value": 4, "of": "each"}]}
    assert kept["clocks"]["routine"]["decide"] == {"days": 7}
    assert (kept["version"], kept["desk"], kept["needs"]) == (1, "baznas/modal", ["fakir-miskin", "economic"])


async def test_bad_rows_are_told_with_sheet_row_column_and_rule_and_the_good_ones_go_in(operator: Any) -> None:
    services = [
        BENEFIT | {"code": "good"},
        BENEFIT | {"code": "bad-need", "needs": "pmks"},
        BENEFIT | {"code": "no-agency", "agency": "nobody"},
        BENEFIT | {"code": "a-formula", "name": '=HYPERLINK("x")'},
        BENEFIT | {"code": "good"},
        BENEFIT | {"code": "bad-clock", "routine_decide": "soon"},
        BENEFIT | {"code": "bad-rule"},
    ]
    codes = dict.fromkeys(one["code"] for one in services)
    areas = [{"service": code, "area": "31.74"} for code in codes] + [{"service": "bad-rule", "area": "Tebet"}]
    rules = [RULE | {"service": "bad-rule"}, RULE | {"service": "bad-rule", "line": 2, "fact": "name"}]
    rows = {"services": services, "areas": areas, "eligibility": [*rules, RULE | {"service": "lost"}]}
    told = (await hand_in(operator, book(agencies=[AGENCY | {"name": "Baznas DKI"}], **rows))).json()
    found = {(one["sheet"], one["row"], one["column"], one["rule"]) for one in told["problems"]}
    assert {
        ("services", 3, "needs", "value_error"),
        ("services", 4, "agency", "no-such-agency"),
        ("services", 5, "name", "formula"),
        ("services", 6, "code", "twice"),
        ("services", 7, "clocks", "int_parsing"),
        ("eligibility", 3, "value", "literal_error"),
        ("eligibility", 4, "service", "service-unknown"),
    } <= found
    assert any(sheet == "areas" and row == 8 for sheet, row, *_ in found)
    assert told["good"] == {"agencies": 1, "services": 1}
    assert (await operator.get("/directory/services/good")).status_code == 200


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"code,name\nx,y\n", "workbook-damaged"),
        (book(people=[]), "sheet-unknown"),
        (book(agencies=[]).replace(b"PK", b"XX", 1)[:200], "workbook-damaged"),
    ],
)
async def test_what_is_no_directory_is_refused(content: bytes, slug: str, operator: Any) -> None:
    answer = await hand_in(operator, content)
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:sinergi:problem:{slug}")


async def test_a_workbook_that_is_too_large_is_refused_before_it_is_unpacked(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = book(agencies=[AGENCY])
    for limit in ("FILE_BYTES", "UNPACKED_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(workbook_reading, limit, 100)
            assert (await hand_in(operator, content)).json()["type"].endswith("file-too-large")


async def test_only_an_operator_hands_in_and_takes_out(worker: Any, desk: Any) -> None:
    for client in (worker, desk):
        assert (await hand_in(client, book(agencies=[AGENCY]))).status_code == 403
        assert (await client.get("/directory/workbook.xlsx")).status_code == 403
