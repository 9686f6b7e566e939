"""The known persons out of PostgreSQL for the matcher: one COPY, and the numbers opened on the way.

The file holds people's data in the clear, so it lies in the import's work folder only. Persons who were merged into
another are in it too: a row that is like one of them speaks of the survivor.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from services.registry.desk import in_thread
from services.registry.seal import Seal

#: selects what `take_snapshot` wrote, in DuckDB
PERSONS = """SELECT * FROM read_csv('{file}', header = false, auto_detect = false, columns = {{
    'nik': 'VARCHAR', 'kk': 'VARCHAR', 'id': 'VARCHAR', 'name': 'VARCHAR', 'birth_date': 'VARCHAR', 'sex': 'VARCHAR',
    'area': 'VARCHAR', 'rt': 'VARCHAR', 'rw': 'VARCHAR', 'address': 'VARCHAR'}})"""

#: one person a line: what somebody typed may hold the ends of lines
_PERSONS = r"""
    SELECT encode(nik, 'hex'), encode(kk, 'hex'), id, translate(name, E'\r\n', '  '), birth_date, sex, area, rt, rw,
           translate(address, E'\r\n', '  ') FROM persons"""
_CHUNK = 4 << 20
_SECONDS = 600


async def take_snapshot(connection: "asyncpg.Connection[Any]", target: Path) -> None:
    """Write every person to the CSV file `target`, NIK and KK as digits."""
    sealed = target.with_suffix(".sealed")
    try:
        await connection.copy_from_query(_PERSONS, output=sealed, format="csv", timeout=_SECONDS)
        await in_thread(_open_numbers, sealed, target)
    finally:
        sealed.unlink(missing_ok=True)


def _open_numbers(sealed: Path, target: Path) -> None:
    seal = Seal.current()
    with (
        sealed.open(encoding="utf-8", newline="\n") as source,
        target.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for lines in _chunks(source):
            parts = [line.split(",", 2) for line in lines]
            niks = seal.nik.open_many([bytes.fromhex(part[0]) or None for part in parts])
            kks = seal.kk.open_many([bytes.fromhex(part[1]) or None for part in parts])
            file.writelines(f"{nik or ''},{kk or ''},{part[2]}" for nik, kk, part in zip(niks, kks, parts, strict=True))


def _chunks(source: Any) -> Iterator[list[str]]:
    while lines := source.readlines(_CHUNK):
        yield lines
