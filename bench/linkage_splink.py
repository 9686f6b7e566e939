"""The peer: Splink 5 on DuckDB, on the same cleaned columns as ours, with our levels and blocks as far as it has them.

What it lacks is the order of our steps: it scores every row, also those that a NIK decides, and has one set of weights
where ours are learned apart for pairs that agree in household, date, NIK or name. It is trained as its documentation
says, and its links are made one to one, without which its F1 is lower. Left out is what made it slower or worse on the
generated lists: blocks of single words and of the KK, and the KK as a comparison.
"""

import time
from pathlib import Path

import duckdb
import pandas  # noqa: F401 - Splink loads both when it first needs them, which is no work of linking
import pyarrow  # noqa: F401
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from services.registry.linkage.blocking import clean_rest
from services.registry.linkage.keys import macros
from services.registry.linkage.model import NAME_ALIKE, NAME_CLOSE, NAME_NEAR, STREET_ALIKE
from services.registry.linkage.sources import Source, load

_INITIALS = r"regexp_replace(name, '\b(\w)\w*( |$)', '\1', 'g')"
_COLUMNS = rf"""
SELECT *, regexp_replace(street, ' [0-9].*$', '') AS road
FROM (SELECT n AS unique_id, lpad(nik::TEXT, 16, '0') AS nik, nik // 10000 AS nik_begin, name, heard, word,
             rest, list_sort(string_split(name, ' ')) AS sorted_words,
             {_INITIALS} AS initials, street_key(address) AS street, lower(address) AS address, born, born_digits,
             nik_digits, year, area, district, left(area, 5) AS regency, rt, rw, sex FROM {{}}_left)"""
#: ours
_BLOCKS = (
    ("nik",),
    ("nik_begin",),
    ("born", "substr(heard, 1, 2)"),
    ("born", "district"),
    ("area", "heard"),
    ("area", "word", "year"),
    ("area", "rt", "rw", "word"),
    ("area", "address", "word"),
    ("born", "address"),
    ("heard", "year"),
)
#: random pairs from which u is counted: its default; with ten times as many it took a minute longer
_RANDOM_PAIRS = 1e6

Levels = list[ComparisonLevelCreator]


def _settings() -> SettingsCreator:
    return SettingsCreator(
        link_type="link_only",
        comparisons=[
            *(
                comparisons.CustomComparison([*one, levels.ElseLevel()], output_column_name=column)
                for column, one in _fields().items()
            ),
            comparisons.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=[block_on(*one) for one in _BLOCKS],
        retain_matching_columns=False,
    )


def _fields() -> dict[str, Levels]:
    """Our levels (`linkage.scoring`), each field's first for what cannot be compared."""
    exact, where = levels.ExactMatchLevel, levels.CustomLevel
    return {
        "name": _names(),
        "born": _dates(),
        "nik": [
            levels.NullLevel("nik"),
            exact("nik"),
            where("nik_begin_l = nik_begin_r"),
            where("right(nik_l, 4) = right(nik_r, 4) AND damerau_levenshtein(nik_l, nik_r) = 1"),
            where("hamming(nik_l, nik_r) = 2"),
        ],
        "area": [levels.NullLevel("area"), exact("area"), exact("district"), exact("regency")],
        "rt": [
            _empty("area_l <> area_r OR rt_l IS NULL OR rt_r IS NULL OR rw_l IS NULL OR rw_r IS NULL"),
            where("rt_l = rt_r AND rw_l = rw_r"),
            where("rt_l = rt_r OR rw_l = rw_r"),
        ],
        "street": [
            _empty("street_l IS NULL OR street_r IS NULL OR (area_l <> area_r AND street_l <> street_r)"),
            exact("street"),
            where("road_l = road_r"),
            levels.JaroWinklerLevel("street", STREET_ALIKE),
        ],
    }


def _empty(condition: str) -> ComparisonLevelCreator:
    return levels.CustomLevel(condition).configure(is_null_level=True)


def _names() -> Levels:
    short = " OR ".join(
        f"({one}.rest <> '' AND contains(' ' || {other}.name || ' ', ' ' || {one}.rest || ' '))"
        for one, other in (("l", "r"), ("r", "l"))
    )
    sound = f"jaro_winkler_similarity(l.name, r.name) >= {NAME_ALIKE} AND l.heard = r.heard"
    alike = f"({sound}) OR l.sorted_words = r.sorted_words OR (l.initials = r.initials AND ({short}))"
    for column in ("name", "heard", "sorted_words", "initials", "rest"):
        alike = alike.replace(f"l.{column}", f"{column}_l").replace(f"r.{column}", f"{column}_r")
    likes = [levels.JaroWinklerLevel("name", one) for one in (NAME_NEAR, NAME_CLOSE, NAME_ALIKE)]
    same = levels.ExactMatchLevel("name", term_frequency_adjustments=True)
    return [levels.NullLevel("name"), same, levels.CustomLevel(alike), *likes]


def _dates() -> Levels:
    conditions = (
        "year_l = year_r AND day(born_l) = month(born_r) AND month(born_l) = day(born_r)",
        "(year_l = year_r)::INT + (day(born_l) = day(born_r))::INT + (month(born_l) = month(born_r))::INT = 2",
        "(born_digits_l = nik_digits_r OR born_digits_r = nik_digits_l) AND nik_digits_l IS DISTINCT FROM nik_digits_r",
    )
    nothing = f"(born_l IS NULL OR born_r IS NULL) AND ({conditions[2]}) IS NOT TRUE"
    known = [levels.CustomLevel(one) for one in (*conditions, "year_l = year_r")]
    return [_empty(nothing), levels.ExactMatchLevel("born"), *known]


def link(left: Source, right: Source, output: Path, memory_mb: int) -> dict[str, float]:
    """Link two lists into `output` (left_id, right_id); returns stage -> seconds, from the raw files to the links."""
    began = time.monotonic()
    connection = duckdb.connect(config={"threads": 2, "memory_limit": f"{memory_mb}MB"})
    for macro in macros():
        connection.execute(macro)
    for table, source in (("l", left), ("r", right)):
        load(connection, table, source)
        clean_rest(connection, table, linked=False)
        connection.execute(f"CREATE TABLE {table}_cleaned AS {_COLUMNS.format(table)}")
        connection.execute(f"DROP TABLE {table}_left; DROP TABLE {table}")
    cleaned = time.monotonic()
    _predict(connection, output)
    return {"clean": cleaned - began, "splink": time.monotonic() - cleaned}


def _predict(connection: duckdb.DuckDBPyConnection, output: Path) -> None:
    api = DuckDBAPI(connection)
    tables = [api.register(f"{table}_cleaned", dataset_display_name=table) for table in ("l", "r")]
    linker = Linker(tables, _settings())
    linker.training.estimate_probability_two_random_records_match(
        [block_on("nik"), block_on("born", "name")], recall=0.95
    )
    # in one piece: the ten that are its default take most of its time for lists of this size
    linker.training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=1, num_chunks=1)
    for rule in (block_on("nik"), block_on("born", "heard")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.5)
    connection.execute(
        f"""COPY (SELECT l + 1 AS left_id, r + 1 AS right_id FROM (
            SELECT unique_id_l AS l, unique_id_r AS r,
                   row_number() OVER (PARTITION BY unique_id_l ORDER BY match_weight DESC, unique_id_r) AS of_l,
                   row_number() OVER (PARTITION BY unique_id_r ORDER BY match_weight DESC, unique_id_l) AS of_r
            FROM {found.physical_name}) WHERE of_l = 1 AND of_r = 1) TO '{output}' (FORMAT parquet)"""
    )
