"""The registry filled at once with generated people, as the import leaves them, and who to look for.

The registry holds the ministry's list. Who searches writes what the city's list says of the same people, mistakes and
all: so a bench knows whom each question means.
"""

import asyncio
import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from services.registry.cleaning import name_key
from services.registry.keys import SETTLE, keys_of
from services.registry.seal import Seal
from services.registry.search_words import LEARN_ALL_WORDS
from sinergi.db import new_id
from sinergi_operator.samples import generate

PEOPLE = int(os.environ.get("SINERGI_BENCH_PEOPLE", "200000"))
SEED = 7
AREA = "31.74"
BATCH = 20_000
NAME_MISTAKES = {"typo", "abbreviated", "old-spelling", "titled"}
COLUMNS = (
    *("id", "version", "state", "nik", "name", "name_key", "birthplace", "birth_date", "sex", "area", "address"),
    *("rt", "rw", "household_id", "kk", "relation", "is_head", "desil", "desil_period", "unmatched", "record_id"),
    *("sources", "keys"),
)

Row = dict[str, str]


@dataclass(frozen=True)
class Question:
    """What somebody types, and the NIK of whom they mean. `area` is a kelurahan's wilayah code."""

    name: str
    birth_year: int | None
    area: str
    nik: str
    mistakes: frozenset[str]

    @property
    def name_is_wrong(self) -> bool:
        """Whether the name is not written as the registry's source wrote it."""
        return bool(self.mistakes & NAME_MISTAKES)


def make_lists(folder: Path, people: int = PEOPLE) -> Path:
    """Generate both lists as CSV with the truth; returns the folder."""
    generate(folder, people, SEED, AREA, city_csv=True)
    return folder


def fill(url: str, folder: Path, seal: Seal) -> int:
    """COPY the ministry's people into the migrated, empty tables at `url`; returns how many."""
    return asyncio.run(_fill(url, folder, seal))


async def _fill(url: str, folder: Path, seal: Seal) -> int:
    connection, people = await asyncpg.connect(url), 0
    seen: set[str] = set()
    rows = (row for row in _read(folder / "daftar-kementerian.csv") if _good(row, seen))
    async with connection.transaction():
        while batch := list(islice(rows, BATCH)):
            people += len(batch)
            await connection.copy_records_to_table("persons", columns=COLUMNS, records=_persons(batch, seal))
        await connection.execute(LEARN_ALL_WORDS)
        await connection.execute(SETTLE)
    await connection.execute("ANALYZE persons")
    await connection.execute("ANALYZE name_words")
    await connection.close()
    return people


def questions(folder: Path, number: int, *, seed: int = 1) -> list[Question]:
    """So many of the city's mistaken rows about people whom the ministry lists under the same NIK, in random order."""
    with (folder / "kebenaran.csv").open(newline="") as file:
        truths = {int(one["baris_kota"]): one for one in csv.DictReader(file, delimiter=";") if _asked(one)}
    rows = enumerate(_read(folder / "daftar-kota.csv"), 2)
    found = [_question(row, truths[at]) for at, row in rows if at in truths]
    Random(seed).shuffle(found)
    return found[:number]


def _asked(truth: Row) -> bool:
    """In both lists, mistaken and readable in the city's, and by its right NIK in the ministry's."""
    broken = "broken" in truth["galat_kota"] + truth["galat_kementerian"] or "nik" in truth["galat_kementerian"]
    return bool(truth["nik"] and truth["baris_kementerian"] and truth["baris_kota"] and truth["galat_kota"]) and not (
        broken
    )


def _question(row: Row, truth: Row) -> Question:
    born = _date(row["Tanggal Lahir"].replace("/", "-"))
    mistakes = frozenset(truth["galat_kota"].split("+"))
    return Question(row["Nama"], born.year if born else None, row["Kode Kelurahan"], truth["nik"], mistakes)


def _read(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter=";")


def _good(row: Row, seen: set[str]) -> bool:
    """Readable; who gives a NIK that was given before has none here (the registry calls that unmatched)."""
    nik, born = row["NIK"], row["TGL_LAHIR"]
    if nik in seen:
        row["NIK"] = ""
    seen.add(nik)
    return bool(row["NAMA_LENGKAP"]) and (not nik or nik.isdigit()) and (not born or _date(born) is not None)


def _persons(rows: list[Row], seal: Seal) -> Iterator[tuple[Any, ...]]:
    niks = seal.nik.seal_many([row["NIK"] or None for row in rows])
    kks = seal.kk.seal_many([row["NO_KK"] or None for row in rows])
    return map(_person, rows, niks, kks)


def _person(row: Row, nik: bytes | None, kk: bytes | None) -> tuple[Any, ...]:
    name, born, area = row["NAMA_LENGKAP"], _date(row["TGL_LAHIR"]), row["KODE_KELURAHAN"]
    key = name_key(name)
    return (
        *(new_id(), 0, "active", nik, name, key, row["TEMPAT_LAHIR"], born, row["JENIS_KELAMIN"], area),
        *(row["ALAMAT"], row["RT"], row["RW"], None, kk, row["HUBUNGAN"], row["HUBUNGAN"] == "KEPALA KELUARGA"),
        *(int(row["DESIL"]), row["PERIODE_DESIL"], nik is None, new_id(), "{}", keys_of(key, born, area)),
    )


def _date(text: str) -> date | None:
    """DD-MM-YYYY, or None."""
    try:
        return date(int(text[6:]), int(text[3:5]), int(text[:2]))
    except ValueError:
        return None
