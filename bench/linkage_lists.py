"""The generated lists as the engine reads them, and how good links are by the truth that only a bench may read."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from services.registry.linkage.sources import Source
from sinergi_operator.samples import generate

_CSV = "delim = ';', header = true, all_varchar = true, quote = '\"', escape = '\"'"


@dataclass(frozen=True, slots=True)
class Quality:
    """Links against the truth: `found` pairs, `wrong` among them, of `total` people who stand in both lists."""

    found: int
    wrong: int
    total: int

    @property
    def precision(self) -> float:
        """The share of the links that are right."""
        return (self.found - self.wrong) / max(1, self.found)

    @property
    def recall(self) -> float:
        """The share of the people in both lists that are found."""
        return (self.found - self.wrong) / max(1, self.total)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * (self.found - self.wrong) / max(1, self.found + self.total)

    def __str__(self) -> str:
        return f"P {self.precision:.5f} R {self.recall:.5f} F1 {self.f1:.5f}"


def csv(path: Path) -> str:
    """SQL that selects a list as text."""
    return f"SELECT * FROM read_csv('{path}', {_CSV})"


def write_lists(folder: Path, people: int, seed: int = 1, area: str = "", **options: object) -> Path:
    """Generate both lists as CSV; returns the folder. Lists of the size of a province are spread over one."""
    area = area or ("31" if people > 400_000 else "31.74")
    generate(folder, people, seed, area, city_csv=True, **options)  # type: ignore[arg-type]
    return folder


def ministry(folder: Path) -> Source:
    """The ministry's list."""
    names = {
        "name": "NAMA_LENGKAP",
        "birth_date": "TGL_LAHIR",
        "sex": "JENIS_KELAMIN",
        "nik": "NIK",
        "household": "NO_KK",
        "area": "KODE_KELURAHAN",
        "rt": "RT",
        "rw": "RW",
        "address": "ALAMAT",
    }
    return Source(csv(folder / "daftar-kementerian.csv"), names)


def city(folder: Path) -> Source:
    """The city's list."""
    names = {
        "name": '"Nama"',
        "birth_date": '"Tanggal Lahir"',
        "sex": '"L/P"',
        "nik": '"NIK"',
        "household": '"No. KK"',
        "area": '"Kode Kelurahan"',
        "rt": "split_part(\"RT/RW\", '/', 1)",
        "rw": "split_part(\"RT/RW\", '/', 2)",
        "address": '"Alamat"',
    }
    return Source(csv(folder / "daftar-kota.csv"), names)


def truth(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Make the table `truth` (l, r: rows of both lists that are one person); returns how many people it has.

    A person who stands twice in the city's list has two rows of truth, and is found by either.
    """
    connection.execute(f"CREATE TABLE people AS {csv(folder / 'kebenaran.csv')}")
    connection.execute(
        "CREATE TABLE truth AS SELECT baris_kementerian::INT - 1 AS l, "
        "unnest([baris_kota, baris_kota_2])::INT - 1 AS r "
        "FROM people WHERE baris_kementerian <> '' AND baris_kota <> ''"
    )
    connection.execute("DELETE FROM truth WHERE r IS NULL")
    return int(connection.execute("SELECT count(DISTINCT l) FROM truth").fetchall()[0][0])


def quality(folder: Path, links: str) -> Quality:
    """How good links are; `links` is SQL that selects left_id and right_id."""
    with duckdb.connect() as connection:
        total = truth(connection, folder)
        found, right = connection.execute(
            f"SELECT count(*), count(t.l) FROM ({links}) o LEFT JOIN truth t ON t.l = left_id AND t.r = right_id"
        ).fetchall()[0]
    return Quality(found, found - right, total)


def accepted(output: Path) -> str:
    """The links that the engine made by itself."""
    return f"SELECT left_id, right_id FROM '{output}' WHERE band = 'same'"


def best_guess(output: Path) -> str:
    """The same, and the pairs for review that it holds for the same person."""
    return f"SELECT left_id, right_id FROM '{output}' WHERE band = 'same' OR bits >= 0"
