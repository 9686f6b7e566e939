"""Lists, the people in them, households and groups."""

from alembic import op

from sinergi.db import SCHEMA_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE imports (
         id uuid PRIMARY KEY, version integer NOT NULL, source text NOT NULL, filename text NOT NULL,
         sha256 text NOT NULL, area text NOT NULL, uploaded_by text NOT NULL, state text NOT NULL, encoding text,
         cursor_row integer NOT NULL, rows_total integer, rows_read integer NOT NULL, rows_good integer NOT NULL,
         rows_bad integer NOT NULL, persons_new integer NOT NULL, persons_matched integer NOT NULL, problem jsonb,
         created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz)""",
    # serves the hand-in: the same file is the earlier import, unless that failed
    "CREATE UNIQUE INDEX imports_same_file ON imports (source, sha256, area) WHERE state <> 'failed'",
    # serves the worker: the oldest list that is not done
    "CREATE INDEX imports_waiting ON imports (id) WHERE state IN ('queued', 'running')",
    """CREATE TABLE import_errors (
         import_id uuid NOT NULL REFERENCES imports (id), "row" integer NOT NULL, column_name text NOT NULL,
         rule text NOT NULL, value_masked text NOT NULL,
         PRIMARY KEY (import_id, "row", column_name, rule))""",
    """CREATE TABLE households (
         id uuid PRIMARY KEY, version integer NOT NULL, kk text NOT NULL,
         CONSTRAINT households_kk UNIQUE (kk))""",
    """CREATE TABLE persons (
         id uuid PRIMARY KEY, version integer NOT NULL, nik text, name text NOT NULL, name_key text NOT NULL,
         birthplace text, birth_date date, sex text, area text NOT NULL, address text, rt text, rw text,
         household_id uuid REFERENCES households (id), kk text, is_head boolean NOT NULL,
         desil integer, desil_period text, unmatched boolean NOT NULL, sources jsonb NOT NULL,
         created_at timestamptz NOT NULL DEFAULT now())""",
    # serves matching and the search by NIK; a matched person alone owns its NIK
    "CREATE UNIQUE INDEX persons_nik ON persons (nik) WHERE nik IS NOT NULL AND NOT unmatched",
    # serves the search by NIK
    "CREATE INDEX persons_unmatched_nik ON persons (nik) WHERE nik IS NOT NULL AND unmatched",
    # serves the search by name and the list of an area (prefix of the code)
    "CREATE INDEX persons_area ON persons (area text_pattern_ops, name_key)",
    # serves the disclosure of a household
    "CREATE INDEX persons_household ON persons (household_id)",
    """CREATE TABLE records (
         id uuid PRIMARY KEY, import_id uuid NOT NULL REFERENCES imports (id), "row" integer NOT NULL,
         person_id uuid NOT NULL REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED, raw jsonb NOT NULL,
         kk text, nik text, name text NOT NULL, name_key text NOT NULL, birthplace text, birth_date date, sex text,
         address text, rt text, rw text, area text NOT NULL, relation text, is_head boolean NOT NULL,
         desil integer, desil_period text, need text, warnings text[] NOT NULL,
         CONSTRAINT records_row UNIQUE (import_id, "row"))""",
    # serves matching: the NIK that a list has given before
    "CREATE INDEX records_nik ON records (import_id, nik) WHERE nik IS NOT NULL",
    # serves the reading of a person
    "CREATE INDEX records_person ON records (person_id)",
    """CREATE TABLE groups (
         id uuid PRIMARY KEY, version integer NOT NULL, kind text NOT NULL, name text NOT NULL, area text NOT NULL,
         state text NOT NULL, formed_by text NOT NULL, formed_at timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE group_members (
         group_id uuid NOT NULL REFERENCES groups (id), person_id uuid NOT NULL REFERENCES persons (id),
         role text NOT NULL, PRIMARY KEY (group_id, person_id),
         CONSTRAINT group_members_once UNIQUE (person_id))""",
)


def upgrade() -> None:
    for statement in (*SCHEMA_V1, *TABLES):
        op.execute(statement)
