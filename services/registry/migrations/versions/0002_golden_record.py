"""Numbers are sealed, raw rows lie in sealed pages, and a person can be merged into another and set free again."""

import json
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from services.registry.ppks import need_code
from services.registry.seal import Numbers, Seal

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PAGE = 1000

BEFORE = (
    """CREATE TABLE raw_pages (
         import_id uuid NOT NULL REFERENCES imports (id), first_row integer NOT NULL, last_row integer NOT NULL,
         sealed bytea NOT NULL, PRIMARY KEY (import_id, first_row))""",
    """ALTER TABLE persons
         ADD COLUMN state text NOT NULL DEFAULT 'active', ADD COLUMN survivor_id uuid REFERENCES persons (id),
         ADD COLUMN alias text, ADD COLUMN relation text, ADD COLUMN died_on date, ADD COLUMN provisional jsonb,
         ADD COLUMN record_id uuid, ADD COLUMN keys bigint[] NOT NULL DEFAULT '{}'""",
    """ALTER TABLE records
         ADD COLUMN source text, ADD COLUMN observed_on date, ADD COLUMN link text, ADD COLUMN bits real,
         ALTER COLUMN import_id DROP NOT NULL, ALTER COLUMN "row" DROP NOT NULL""",
    "ALTER TABLE households ADD COLUMN area text, ALTER COLUMN kk DROP NOT NULL",
    """UPDATE records r SET source = i.source, observed_on = i.created_at::date,
         link = CASE WHEN r.nik IS NULL THEN 'new' ELSE 'nik' END FROM imports i WHERE i.id = r.import_id""",
    """UPDATE persons p SET record_id = (p.sources ->> 'name')::uuid, relation =
         (SELECT relation FROM records r WHERE r.id = (p.sources ->> 'name')::uuid)""",
    """UPDATE households h SET area = (SELECT min(p.area) FROM persons p WHERE p.household_id = h.id)""",
)
AFTER = (
    # the indexes went with the columns of text
    "CREATE UNIQUE INDEX persons_nik ON persons (nik) WHERE nik IS NOT NULL AND NOT unmatched",
    "CREATE INDEX persons_unmatched_nik ON persons (nik) WHERE nik IS NOT NULL AND unmatched",
    "CREATE INDEX records_nik ON records (import_id, nik) WHERE nik IS NOT NULL",
    "ALTER TABLE households ADD CONSTRAINT households_kk UNIQUE (kk)",
    # one row: which key sealed this database
    "CREATE TABLE seal_check (value bytea PRIMARY KEY)",
    "ALTER TABLE records DROP COLUMN raw, ALTER COLUMN source SET NOT NULL",
    "ALTER TABLE records ALTER COLUMN observed_on SET NOT NULL, ALTER COLUMN link SET NOT NULL",
    # serves a merged person's way to its survivor, and the survivor's to its members
    "CREATE INDEX persons_survivor ON persons (survivor_id) WHERE survivor_id IS NOT NULL",
)

SEALED = (("persons", "nik"), ("persons", "kk"), ("records", "nik"), ("records", "kk"), ("households", "kk"))


def upgrade() -> None:
    # rows are changed and their tables altered in one transaction: no check may wait for its end
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in BEFORE:
        op.execute(statement)
    connection = op.get_bind()
    _page_raw_rows(connection)
    _name_needs_by_code(connection)
    for table, column in SEALED:
        _seal(connection, table, column)
    for statement in AFTER:
        op.execute(statement)
    connection.execute(sa.text("INSERT INTO seal_check VALUES (:value)"), {"value": Seal.current().check})


def _page_raw_rows(connection: sa.Connection) -> None:
    rows = connection.execute(sa.text('SELECT import_id, "row", raw FROM records ORDER BY import_id, "row"'))
    insert = sa.text("INSERT INTO raw_pages VALUES (:import_id, :first, :last, :sealed)")
    for (import_id, _), page in groupby(rows, key=lambda row: (row.import_id, row.row // PAGE)):
        held = list(page)
        content = "\n".join(json.dumps([row.row, row.raw], ensure_ascii=False) for row in held)
        sealed = Seal.current().page(content, f"{import_id}:{held[0].row}")
        span = {"import_id": import_id, "first": held[0].row, "last": held[-1].row}
        connection.execute(insert, span | {"sealed": sealed})


def _name_needs_by_code(connection: sa.Connection) -> None:
    for (need,) in connection.execute(sa.text("SELECT DISTINCT need FROM records WHERE need IS NOT NULL")).all():
        values = {"need": need, "code": need_code(need)}
        connection.execute(sa.text("UPDATE records SET need = :code WHERE need = :need"), values)


def _seal(connection: sa.Connection, table: str, column: str) -> None:
    """The column's text becomes sealed bytes; a number of more than 16 digits cannot be one, and is let go."""
    numbers: Numbers = getattr(Seal.current(), column)
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_text")
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} bytea")
    rows: Any = connection.execute(sa.text(f"SELECT id, {column}_text FROM {table} WHERE {column}_text IS NOT NULL"))
    update = sa.text(f"UPDATE {table} SET {column} = :sealed WHERE id = :id")
    while part := rows.fetchmany(10_000):
        fitting = [row for row in part if len(row[1]) <= 16]
        sealed = numbers.seal_many([row[1] for row in fitting])
        if fitting:
            values = [{"id": row.id, "sealed": one} for row, one in zip(fitting, sealed, strict=True)]
            connection.execute(update, values)
    op.execute(f"ALTER TABLE {table} DROP COLUMN {column}_text")
