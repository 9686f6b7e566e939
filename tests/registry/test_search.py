"""The one box: a number, a name with slips, a group; inside one's area, counted to a limit, masked, written down."""

from datetime import date
from typing import Any

import asyncpg
import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.registry.golden import connection_of
from services.registry.keys import DUCKDB_KEYS, area_keys, keys_of, year_keys
from services.registry.search import likely
from services.registry.search_rank import LIKE, wanted
from services.registry.search_words import expand, learn, near
from sinergi.db import Tx
from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import Someone, ministry_csv, ministry_row, people, someone

PURPOSE = "verifikasi bantuan"
CILANDAK = "31.74.06"


async def known(hand_in: HandIn, members: list[Someone], area: str = "31.74") -> None:
    told = await hand_in(ministry_csv([ministry_row(one) for one in members]), area=area)
    assert told["state"] == "completed", told


async def search(registry: Running, scope: str = "31.74", **what: Any) -> dict[str, Any]:
    async with registry.client(area=scope) as client:
        answer = await client.post("/persons/search", json={"purpose": PURPOSE, **what})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def found_first(registry: Running, one: Someone, **what: Any) -> bool:
    items = (await search(registry, **what))["items"]
    return bool(items) and items[0]["nik_masked"] == f"{'*' * 12}{one.nik[-4:]}"


async def began(tx: Tx) -> "asyncpg.Connection[Any]":
    """The connection of a transaction that has begun."""
    await tx.session.execute(text("SELECT 1"))
    return await connection_of(tx)


# ------------------------------------------------------------------ numbers


async def test_the_box_takes_a_nik_also_in_groups_of_digits(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    written = " ".join(one.nik[at : at + 4] for at in range(0, 16, 4))
    for box in (one.nik, written):
        assert [item["birth_year"] for item in (await search(registry, text=box))["items"]] == [one.born.year]


async def test_the_box_takes_a_kk_number_and_finds_the_household(hand_in: HandIn, registry: Running) -> None:
    head = someone()
    await known(hand_in, [head, someone(kk=head.kk, relation="ANAK"), someone()])
    for what in ({"text": head.kk}, {"kk": head.kk}):
        found = await search(registry, **what)
        assert [item["is_head"] for item in found["items"]] == [True, False]


async def test_a_number_of_another_area_finds_nobody(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    assert (await search(registry, scope="31.71", text=one.nik))["items"] == []
    assert (await search(registry, scope="31.71", text=one.kk))["items"] == []


async def test_a_merged_person_is_found_as_the_survivor(hand_in: HandIn, registry: Running) -> None:
    loser, survivor = someone(name="Wulansih Satu"), someone(name="Wulansih Dua")
    await known(hand_in, [loser, survivor])
    (gone,), (kept,) = [(await search(registry, nik=one.nik))["items"] for one in (loser, survivor)]
    async with registry.context.db.begin() as tx:
        connection = await began(tx)
        await connection.execute(
            "UPDATE persons SET state = 'merged', survivor_id = $2 WHERE id = $1", gone["id"], kept["id"]
        )
    assert [item["id"] for item in (await search(registry, nik=loser.nik))["items"]] == [kept["id"]]
    assert gone["id"] not in [item["id"] for item in (await search(registry, name="wulansih"))["items"]]


# -------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "written",
    [
        "Kartosuwiryo Mangunwijaya",
        "mangunwijaya kartosuwiryo",
        "Kartosuwiryo Mangunwjiaya",
        "Kartosuwirjo Mangoenwidjaja",
        "Drs. H. Kartosuwiryo Mangunwijaya",
        "Kartosuwiryo M.",
        "Kartosuwiryo Mangunwijaya Santoso",
        "KartosuwiryoMangunwijaya",
        "Kartosuw",
        "Xxxxxx Mangunwijaya",
        "Kartosuwiryo Mangunwijaya 1961",
    ],
)
async def test_a_name_is_found_however_it_is_written(written: str, hand_in: HandIn, registry: Running) -> None:
    one = someone(
        name="Kartosuwiryo Mangunwijaya", nik="3174060203610999", born=date(1961, 3, 2), area=f"{CILANDAK}.1001"
    )
    await known(hand_in, [one])
    assert await found_first(registry, one, text=written, area=CILANDAK)
    assert await found_first(registry, one, text=written)
    assert await found_first(registry, one, text=written, birth_year=1962)


async def test_the_year_of_birth_tells_namesakes_apart(hand_in: HandIn, registry: Running) -> None:
    older, younger = (someone(name="Sukmawarni Tirtadinata", born=date(year, 5, 5)) for year in (1950, 1990))
    await known(hand_in, [older, younger])
    for one in (older, younger):
        assert await found_first(registry, one, text=f"sukmawarni tirtadinata {one.born.year}")
    assert (await search(registry, name="Sukmawarni Tirtadinata"))["total"] == 2


async def test_an_area_in_the_box_narrows_the_search(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Prawirodirjo Kusumadinata", area=f"{CILANDAK}.1001")
    await known(hand_in, [one])
    assert (await search(registry, text=f"prawirodirjo {CILANDAK}"))["total"] == 1
    assert (await search(registry, text="prawirodirjo 31.74.01"))["total"] == 0
    assert (await search(registry, text="prawirodirjo", area="31.71"))["total"] == 0


async def test_a_search_from_a_wider_area_finds_too(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Tjokronegoro Reksohadiprojo")
    await known(hand_in, [one])
    for scope in ("31.74.01.1001", "31.74.01", "31", "*"):
        assert (await search(registry, scope=scope, text="cokronegoro reksohadiproyo"))["total"] == 1


async def test_somebody_without_a_birth_date_is_found_by_a_year(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Notosusanto Brotodiningrat")
    row = ministry_row(one)
    row[4] = ""
    await hand_in(ministry_csv([row]))
    assert await found_first(registry, one, text="notosusanto brotodiningrat 1955")


async def test_a_list_of_an_area_is_counted_to_a_limit(hand_in: HandIn, registry: Running) -> None:
    await known(hand_in, people(210, area="31.73.01.1001"), area="31.73")
    found = await search(registry, scope="31.73", area="31.73.01", size=100, page=2)
    assert (found["total"], found["total_is_capped"], len(found["items"])) == (200, True, 100)
    assert (await search(registry, scope="31.73", area="31.73.01", page=11))["items"] == []


@pytest.mark.parametrize("box", ["   ", "1980", "***"])
async def test_a_box_with_nothing_to_look_for_is_refused(box: str, registry: Running) -> None:
    async with registry.client() as client:
        answer = await client.post("/persons/search", json={"purpose": PURPOSE, "text": box})
    assert answer.json()["type"] == "urn:sinergi:problem:search-too-wide"


async def test_a_search_writes_down_whom_it_showed(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Wreksodiningrat Poerbatjaraka")
    await known(hand_in, [one])
    (item,) = (await search(registry, text="wreksodiningrat"))["items"]
    async with registry.client("auditor") as client:
        trail = await client.get("/audit", params={"subject_kind": "person", "subject_id": item["id"]})
    assert [(row["action"], row["purpose"]) for row in trail.json()["items"]] == [("person.search", PURPOSE)]


# ------------------------------------------------------------------- groups


async def test_a_group_is_found_by_its_name_inside_the_area(hand_in: HandIn, registry: Running) -> None:
    members = people(10)
    await known(hand_in, members)
    ids = [(await search(registry, nik=one.nik))["items"][0]["id"] for one in members]
    roles = ["ketua", "sekretaris", "bendahara", *["anggota"] * 7]
    body = {"kind": "kube", "name": "KUBE Melati 100% Mandiri", "area": "31.74.01"}
    body["members"] = [{"person_id": one, "role": role} for one, role in zip(ids, roles, strict=True)]  # type: ignore[assignment]
    async with registry.client("social_worker", area="31.74") as client:
        assert (await client.post("/groups", json=body)).status_code == 201
    assert [group["name"] for group in (await search(registry, text="melati 100%"))["groups"]] == [body["name"]]
    assert (await search(registry, text="melati_100"))["groups"] == []
    assert (await search(registry, scope="31.71", text="melati"))["groups"] == []


# --------------------------------------------------- keys, words, likeness

_NAMES = st.lists(st.text("ABC", min_size=1, max_size=3), max_size=4).map(" ".join)
_DATES = st.none() | st.dates(date(1900, 1, 1), date(2026, 1, 1))


@given(name=_NAMES, born=_DATES, area=st.sampled_from(["31.74.01.1001", "31.74.01", "31"]))
def test_duckdb_makes_the_same_keys(name: str, born: date | None, area: str) -> None:
    keys = DUCKDB_KEYS.format(name_key="n", birth_date="b", area="a")
    row = duckdb.execute(f"SELECT {keys} FROM (SELECT ?::VARCHAR n, ?::DATE b, ?::VARCHAR a)", [name, born, area])
    ((made,),) = row.fetchall()
    assert sorted(made) == sorted(keys_of(name, born, area))


def test_a_person_has_the_keys_that_a_search_looks_for() -> None:
    keys = set(keys_of("BUDI SANTOSO", date(1980, 1, 1), "31.74.01.1001"))
    assert keys & set(area_keys(["31.74.01"], ["BUDI"]))
    assert keys & set(area_keys(["31.74.01"], ["SANTOSO"]))
    assert all(keys & set(year_keys(year, ["BUDI"])) for year in (1979, 1980, 1981))
    assert not keys & set(year_keys(1982, ["BUDI"]))
    assert set(keys_of("BUDI", None, "31.74.01.1001")) & set(year_keys(1982, ["BUDI"]))


@given(word=st.text("ABCD", min_size=2, max_size=8), at=st.integers(0, 7), letter=st.sampled_from("ABCDX"))
def test_any_one_slip_shares_a_key_with_the_word(word: str, at: int, letter: str) -> None:
    at %= len(word)
    slips = [word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]]
    swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    assert all(near(word) & near(slip) for slip in [*slips, swapped] if slip)


async def test_a_written_word_means_itself_and_known_words_like_it(registry: Running) -> None:
    async with registry.context.db.begin() as tx:
        connection = await began(tx)
        await learn(connection, ["QUASIMODO QUASIMADO QUASIMODA ZQ", "QUASIMODO"])
        assert await expand(connection, ["QUASIMODO"]) == {"QUASIMODO": ["QUASIMODO", "QUASIMADO", "QUASIMODA"]}
        assert await expand(connection, ["QUASIM"]) == {"QUASIM": ["QUASIM", "QUASIMADO", "QUASIMODA", "QUASIMODO"]}


async def test_the_likely_twin_of_somebody_new_is_found_elsewhere_too(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Sastroamidjojo Wongsonegoro", born=date(1944, 4, 4))
    await known(hand_in, [one])
    async with registry.context.db.begin() as tx:
        connection = await began(tx)
        found = await likely(connection, "SASTROAMIJOYO WONGSONEGORO", date(1945, 1, 1), "35.09.01.1001", 5)
        assert [row["year"] for row in found] == [1944]
        assert await likely(connection, "SASTROAMIJOYO WONGSONEGORO", date(1990, 1, 1), "35.09.01.1001", 5) == []


@pytest.mark.parametrize(
    ("written", "liker", "less"),
    [
        ("BUDI SANTOSO", "BUDI SANTOSO", "BUDI SANTOSO WIBOWO"),
        ("BUDI SANTOSO", "SANTOSO BUDI", "BUDI SUSANTO"),
        ("BUDI S", "BUDI SANTOSO", "BUDI WIBOWO"),
        ("SYIFA S", "SYIFA SALSABILA", "SYIFA ALFARIZI"),
        ("SITI PRATIWI HIDAYAT", "SITI PRATIWI", "ALI HIDAYAT"),
        ("AGUSPRASETYO", "AGUS PRASETYO", "AGUS"),
    ],
)
def test_the_liker_name_comes_first(written: str, liker: str, less: str) -> None:
    score = wanted(written).score
    assert score(liker, None) > score(less, None)
    assert score(liker, None) >= LIKE
