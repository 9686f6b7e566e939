"""Sources of lists with their trust and saved mappings, bad rows, corrections, and how far a list is."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE sources (
         code text PRIMARY KEY, name text NOT NULL, rank integer NOT NULL, handed_in boolean NOT NULL,
         list_date date, mapping jsonb, mapping_by text, mapping_at timestamptz,
         CONSTRAINT sources_rank CHECK (rank BETWEEN 0 AND 1000))""",
    """INSERT INTO sources (code, name, rank, handed_in) VALUES
         ('request', 'Perubahan yang disetujui', 0, false), ('entry', 'Dicatat oleh petugas', 5, false),
         ('ministry', 'Kementerian Sosial', 10, true), ('city', 'Pemerintah kota', 20, true)""",
    """ALTER TABLE imports
         ADD COLUMN kind text NOT NULL DEFAULT 'list', ADD COLUMN corrects uuid REFERENCES imports (id),
         ADD COLUMN list_date date, ADD COLUMN mapping jsonb, ADD COLUMN stage text, ADD COLUMN share real,
         ADD COLUMN persons_changed integer NOT NULL DEFAULT 0, ADD COLUMN pairs_for_review integer NOT NULL DEFAULT 0,
         ADD CONSTRAINT imports_kind CHECK (kind IN ('list', 'correction') AND (kind = 'list') = (corrects IS NULL))""",
    # when nobody says when the list was drawn, the day on which it was handed in counts
    "UPDATE imports SET list_date = created_at::date",
    "ALTER TABLE imports ALTER COLUMN list_date SET NOT NULL",
    # serves the errors of a list: which of its rows have been corrected
    "CREATE INDEX imports_corrects ON imports (corrects) WHERE corrects IS NOT NULL",
    """CREATE TABLE import_bad_rows (
         import_id uuid NOT NULL REFERENCES imports (id), "row" integer NOT NULL, sealed bytea NOT NULL,
         PRIMARY KEY (import_id, "row"))""",
    # a list's rows are matched outside PostgreSQL, so nothing reads it
    "DROP INDEX records_nik",
    # households are never deleted, so all that the check did was to cost a fifth of the writing of a new person
    "ALTER TABLE persons DROP CONSTRAINT persons_household_id_fkey",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
