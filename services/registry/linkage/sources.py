"""What is to be linked: two lists that DuckDB can read, and how their columns map to ours. Loading them, cheaply.

Reading is kept apart from cleaning: most rows are linked by their NIK as they stand, so only what is left is cleaned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from services.registry.linkage.keys import macros
from services.registry.linkage.model import Model

#: the columns that matching knows; a source may lack any but the name
COLUMNS = ("id", "name", "birth_date", "sex", "nik", "household", "area", "rt", "rw", "address")

Progress = Callable[[str, float], None]


def _silent(stage: str, share: float) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Source:
    """A list: `sql` that selects it, and for each of COLUMNS the SQL expression that yields it (`quoted` names).

    All are read as text, dates and numbers as the list writes them. Without an `id` a row is known by its number,
    from 1, in the order of the source.
    """

    sql: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """Two lists to link (or the `left` alone, for `link_within`), and where the links go, as Parquet.

    `memory_mb` bounds DuckDB; what does not fit goes to `temp_folder`. `seed`: the weights from which
    learning begins, the committed ones when None.
    `progress(stage, share)` is told what is done, the share from 0 to 1. `households_output`: where links of
    households go, if anywhere.
    """

    left: Source
    right: Source
    output: Path
    temp_folder: Path
    memory_mb: int = 700
    threads: int = 2
    seed: Model | None = None
    progress: Progress = _silent
    households_output: Path | None = None


def quoted(name: str) -> str:
    """A column's name as SQL, whatever signs it has."""
    return '"' + name.replace('"', '""') + '"'


def connect(job: Job) -> duckdb.DuckDBPyConnection:
    """A database in memory with the job's bounds and the cleaning rules."""
    connection = duckdb.connect(
        config={
            "threads": job.threads,
            "memory_limit": f"{job.memory_mb}MB",
            "temp_directory": str(job.temp_folder),
            "preserve_insertion_order": True,  # a row without an id is known by its number
        }
    )
    for macro in macros():
        connection.execute(macro)
    return connection


#: The signs that people put between digits are let pass. DuckDB 2.0 pushes a bare TRY_CAST into its CSV reader, which
#: then fails on the first bad cell; a CASE it does not.
_PLAIN = "CASE WHEN strlen({0}) = 16 THEN {0} ELSE regexp_replace({0}, '[ .''-]', '', 'g') END"
_NUMBER = "CASE WHEN strlen({0}) = 16 AND try_cast({0} AS BIGINT) > 0 THEN try_cast({0} AS BIGINT) {1} END"
#: a household's id that is no KK
_OTHER_ID = "WHEN household <> '' THEN -(hash(household) >> 1)::BIGINT"

#: NIK and KK as numbers take a third of the memory of text. Households are compared across lists only by a KK of 16
#: digits; any other id, made negative, holds inside its list.
_LOAD = f"""
CREATE TABLE {{table}} AS
SELECT {_NUMBER.format("nik", "")} AS nik, {_NUMBER.format("household", _OTHER_ID)} AS household,
       * EXCLUDE (nik, household)
FROM (SELECT {_PLAIN.format("nik")} AS nik, {_PLAIN.format("household")} AS household, * EXCLUDE (nik, household)
      FROM (SELECT {{columns}} FROM ({{sql}})))"""


def load(connection: duckdb.DuckDBPyConnection, table: str, source: Source) -> int:
    """Read a list into a table as it is, but for NIK and household as numbers; returns how many rows it has."""
    columns = ", ".join(f"CAST({source.columns.get(name, 'NULL')} AS VARCHAR) AS {name}" for name in COLUMNS[1:])
    if "id" in source.columns:
        columns += f", {source.columns['id']} AS id"
    connection.execute(_LOAD.format(table=table, columns=columns, sql=source.sql))
    found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


def unordered(connection: duckdb.DuckDBPyConnection) -> None:
    """Once the lists are read, the order of rows is of no matter: without it, both cores write."""
    connection.execute("SET preserve_insertion_order = false")


def id_of(table: str, source: Source) -> str:
    """The SQL expression of a row's id, where `l` or `r` is its number from 0."""
    return f"{table}_id" if "id" in source.columns else f"{table} + 1"
