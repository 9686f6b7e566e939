"""The engine against the generator's truth, and what must hold for any lists."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pytest

from bench.linkage_lists import accepted, best_guess, city, ministry, quality, write_lists
from services.registry.linkage.engine import Outcome, link, link_within
from services.registry.linkage.model import FIELDS
from services.registry.linkage.sources import Job, Source, quoted

PEOPLE = 10_000


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lists(tmp_path_factory.mktemp("lists"), PEOPLE, seed=11)


@dataclass
class Ran:
    """A job that was run, with all that it wrote and told."""

    folder: Path
    outcome: Outcome
    told: list[tuple[str, float]]

    @property
    def links(self) -> Path:
        return self.folder / "links.parquet"


@pytest.fixture(scope="module")
def ran(lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """`ran(*without)`: the lists linked without these columns, once for all tests that look at it."""
    return cache(lambda *without: linked(lists, tmp_path_factory.mktemp("ran"), without=without))


def linked(lists: Path, folder: Path, *, without: tuple[str, ...] = ()) -> Ran:
    left, right = (
        Source(one.sql, {name: sql for name, sql in one.columns.items() if name not in without})
        for one in (ministry(lists), city(lists))
    )
    told: list[tuple[str, float]] = []
    households = None if "household" in without else folder / "households.parquet"
    job = Job(
        left,
        right,
        folder / "links.parquet",
        folder,
        households_output=households,
        memory_mb=300,
        progress=lambda *one: told.append(one),
    )
    return Ran(folder, link(job), told)


@pytest.mark.parametrize(
    ("without", "alone", "guess"),
    [((), 0.999, 0.9995), (("household",), 0.998, 0.999), (("nik",), 0.992, 0.993)],
    ids=["all columns", "no household ids", "no NIK"],
)
def test_links_are_the_truth(
    lists: Path, ran: Callable[..., Ran], without: tuple[str, ...], alone: float, guess: float
) -> None:
    done = ran(*without)
    outcome = done.outcome
    found, best = (quality(lists, links(done.links)) for links in (accepted, best_guess))
    print(f"alone {found}, best guess {best}, to review {outcome.review_share:.2%}")
    assert found.f1 >= alone
    assert best.f1 >= guess
    assert outcome.review_share < 0.006


def test_every_fourth_row_with_mistakes_is_borne(tmp_path: Path) -> None:
    write_lists(tmp_path, PEOPLE, seed=12, errors=(0.06, 0.25))
    done = linked(tmp_path, tmp_path)
    assert quality(tmp_path, accepted(done.links)).f1 >= 0.9976


def test_a_row_is_linked_once_and_review_is_no_link(ran: Callable[..., Ran]) -> None:
    outcome, links = ran().outcome, f"'{ran().links}'"
    for side in ("left_id", "right_id"):
        assert duckdb.execute(f"SELECT count(*) = count(DISTINCT {side}) FROM {links}").fetchone() == (True,)
    told = duckdb.execute(f"SELECT how, band, count(*) FROM {links} GROUP BY ALL").fetchall()
    assert {(how, band): count for how, band, count in told} == outcome.links
    assert {how for how, _, _ in told} <= {"nik", "household", "score"}
    unsure = f"SELECT count(*) FROM {links} WHERE band = 'same' AND bits < 6"
    assert duckdb.execute(unsure).fetchone() == (0,)


def test_the_output_has_levels_and_progress_ends_at_one(ran: Callable[..., Ran]) -> None:
    told = ran().told
    assert ran().outcome.model is not None
    names = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{ran().links}'").fetchall()]
    assert names == ["left_id", "right_id", "how", "band", "bits", *FIELDS]
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1] == ("done", 1.0)


def test_the_engine_and_the_model_give_the_same_bits(ran: Callable[..., Ran]) -> None:
    """But for a common name's rarity, which only the engine's lists know."""
    done = ran("household")
    model = done.outcome.model
    assert model is not None
    rows = duckdb.execute(
        f"SELECT bits, {', '.join(FIELDS)} FROM '{done.links}' WHERE how = 'score' AND name < 5"
    ).fetchall()
    assert len(rows) > 50
    assert [row[0] for row in rows] == pytest.approx([model.bits(row[1:]) for row in rows], abs=1e-3)


def test_a_nik_that_is_another_persons_by_a_wrong_digit_links_nobody(tmp_path: Path) -> None:
    """Both were born on the day that the NIK holds: the day alone does not make them one."""
    born_the_same_day = ("HENDRA WIJAYA", PERSON[1], "L", PERSON[3], "31.71.01.1001", "009", "009", "JL MAWAR 9")
    outcome = link(Job(of(PERSON), of(born_the_same_day), tmp_path / "links.parquet", tmp_path))
    assert outcome.links == {("score", "review"): 1}


def test_a_family_that_shares_address_and_name_is_not_one_person(tmp_path: Path) -> None:
    columns = COLUMNS | {"household": "'3174010101200001'"}
    sister = ("BUDI SANTOSA", "07-09-1991", "P", "3174014709910001", *PERSON[4:])
    family = Source(of(PERSON, sister).sql, columns)
    outcome = link_within(Job(family, family, tmp_path / "twice.parquet", tmp_path))
    assert ("score", "same") not in outcome.links


def test_households_follow_their_members(ran: Callable[..., Ran]) -> None:
    outcome, output = ran().outcome, ran().folder / "households.parquet"
    rows = duckdb.execute(f"SELECT band, count(*), min(members) FROM '{output}' GROUP BY band ORDER BY band").fetchall()
    assert {band: count for band, count, _ in rows} == outcome.households
    assert outcome.households["same"] > 2000
    assert duckdb.execute(f"SELECT count(*) = count(DISTINCT left_household) FROM '{output}'").fetchone() == (True,)


PERSON = ("BUDI SANTOSO", "01-02-1980", "L", "3174010102800001", "31.74.01.1001", "001", "002", "JL MELATI 5")
COLUMNS = dict(
    zip(("name", "birth_date", "sex", "nik", "area", "rt", "rw", "address"), "abcdefgh", strict=True), id="id"
)


def of(*people: tuple[str, ...]) -> Source:
    """A list of these people, with ids of its own."""
    values = ", ".join(f"('id-{n}', {', '.join(repr(cell) for cell in row)})" for n, row in enumerate(people))
    return Source(f"SELECT * FROM (VALUES {values}) AS p (id, a, b, c, d, e, f, g, h)", COLUMNS)


def test_a_person_twice_in_one_list_is_found_and_nobody_is_their_own_duplicate(tmp_path: Path) -> None:
    again = ("BUDI SANTOSO", "02-01-1980", "L", "", *PERSON[4:])
    wife = ("SITI AMINAH", "05-06-1982", "P", "3174014506820001", *PERSON[4:])
    outcome = link_within(Job(of(PERSON, wife, again), of(PERSON), tmp_path / "twice.parquet", tmp_path))
    found = duckdb.execute(f"SELECT left_id, right_id FROM '{tmp_path / 'twice.parquet'}'").fetchall()
    assert found == [("id-0", "id-2")]
    assert sum(outcome.links.values()) == 1


def test_duplicates_inside_a_generated_list_are_found(lists: Path) -> None:
    link_within(Job(city(lists), city(lists), lists / "within.parquet", lists))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE found AS SELECT * FROM '{lists / 'within.parquet'}' WHERE band = 'same'")
        truth = f"read_csv('{lists / 'kebenaran.csv'}', delim = ';', header = true, all_varchar = true)"
        twice, right = connection.execute(
            f"SELECT count(*), count(left_id) FROM {truth} LEFT JOIN found ON left_id = least(baris_kota::INT, "
            "baris_kota_2::INT) - 1 AND right_id = greatest(baris_kota::INT, baris_kota_2::INT) - 1 "
            "WHERE baris_kota_2 <> ''"
        ).fetchall()[0]
        pairs = connection.execute("SELECT count(*) FROM found").fetchall()[0][0]
    assert twice > 15
    assert right >= 0.85 * twice  # the others wait for a person
    assert pairs <= right + 3


def test_the_same_nik_under_another_name_is_for_a_person_to_judge(tmp_path: Path) -> None:
    other = ("HENDRA WIJAYA", "09-09-1999", "L", PERSON[3], "31.71.01.1001", "009", "009", "JL MAWAR 9")
    outcome = link(Job(of(PERSON), of(other), tmp_path / "links.parquet", tmp_path))
    assert outcome.links == {("score", "review"): 1}


@pytest.mark.parametrize("cell", ["", "-", "31-02-1980", "kemarin", "3174O10102800001", "'; DROP TABLE l; --", "  "])
def test_cells_of_any_kind_stop_nothing(tmp_path: Path, cell: str) -> None:
    strange = tuple(cell.replace("'", "`") for _ in PERSON)
    outcome = link(Job(of(PERSON, strange), of(strange, PERSON), tmp_path / "links.parquet", tmp_path))
    assert outcome.links[("nik", "same")] == 1


def test_lists_without_most_columns_and_empty_lists_are_borne(tmp_path: Path) -> None:
    name_only = Source(of(PERSON).sql, {"name": quoted("a")})
    empty = Source(f"{of(PERSON).sql} WHERE false", COLUMNS)
    for left, right in ((name_only, name_only), (empty, of(PERSON)), (empty, empty)):
        assert ("nik", "same") not in link(Job(left, right, tmp_path / "links.parquet", tmp_path)).links


def test_the_order_of_rows_changes_no_link(tmp_path: Path) -> None:
    rng = random.Random(3)
    people = [
        (name, f"{1 + n % 28:02}-03-19{50 + n % 50}", "LP"[n % 2], "", f"31.74.01.100{n % 6}", "001", "001", f"JL {n}")
        for n, name in enumerate(rng.choice(["SITI AMINAH", "BUDI SANTOSO", "SRI WAHYUNI"]) for _ in range(300))
    ]
    found = []
    for _ in range(2):
        link(Job(of(*people), of(*people), tmp_path / "links.parquet", tmp_path))
        rows = duckdb.execute(f"SELECT left_id, right_id FROM '{tmp_path / 'links.parquet'}'").fetchall()
        found.append(sorted(rows))
    assert found[0] == found[1]
    assert all(left == right for left, right in found[0])
