"""Notes, visits, attachments, and the competence that confidential notes need."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    "CREATE TABLE seal_check (value bytea PRIMARY KEY)",
    """CREATE TABLE competences (
         id uuid PRIMARY KEY, version integer NOT NULL, worker text NOT NULL, agency text NOT NULL, area text NOT NULL,
         what text NOT NULL, title text NOT NULL, issuer text NOT NULL, number text, starts_on date NOT NULL,
         ends_on date, hours integer, state text NOT NULL, proposed_by text NOT NULL,
         proposed_at timestamptz NOT NULL DEFAULT now(), decided_by text, decided_at timestamptz)""",
    # serves a worker's own record, and whether the worker is accredited
    "CREATE INDEX competences_worker ON competences (agency, worker, starts_on)",
    # serves the supervisor's list of what waits for confirmation
    "CREATE INDEX competences_waiting ON competences (agency, proposed_at) WHERE state = 'proposed'",
    """CREATE TABLE notes (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, version integer NOT NULL, kind text NOT NULL,
         about text NOT NULL, at timestamptz NOT NULL, confidential boolean NOT NULL, text text, sealed bytea,
         supersedes uuid REFERENCES notes, author text NOT NULL, role text NOT NULL,
         written_at timestamptz NOT NULL DEFAULT now(), error text, error_by text, error_at timestamptz,
         CONSTRAINT notes_sealed CHECK ((text IS NULL) = confidential AND (sealed IS NOT NULL) = confidential))""",
    # serves the timeline of a case
    "CREATE INDEX notes_timeline ON notes (case_id, at, id)",
    # a note is superseded once
    "CREATE UNIQUE INDEX notes_superseded ON notes (supersedes)",
    """CREATE TABLE visits (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, version integer NOT NULL, state text NOT NULL,
         purpose text NOT NULL, planned_on date, task_id uuid, at timestamptz NOT NULL, ended_at timestamptz,
         place_kind text, area text, place text, client_present boolean, people jsonb NOT NULL, findings text,
         needs jsonb NOT NULL, reason text, next_visit uuid, planned_by text, recorded_by text,
         recorded_at timestamptz)""",
    # serves the timeline of a case
    "CREATE INDEX visits_timeline ON visits (case_id, at, id)",
    """CREATE TABLE attachments (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, version integer NOT NULL,
         note_id uuid REFERENCES notes, visit_id uuid REFERENCES visits, kind text NOT NULL, name text NOT NULL,
         media_type text NOT NULL, size integer NOT NULL, sha256 text NOT NULL, file uuid NOT NULL,
         shard text NOT NULL, added_by text NOT NULL, added_at timestamptz NOT NULL DEFAULT now(), removed_by text,
         removed_at timestamptz, error text,
         CONSTRAINT attachments_of_one CHECK (note_id IS NULL OR visit_id IS NULL))""",
    # serves the list of a case, and finds the same file of the same case
    "CREATE INDEX attachments_case ON attachments (case_id, sha256)",
    # serves the sweeper, one shard of the storage at a time
    "CREATE INDEX attachments_shard ON attachments (shard) WHERE removed_at IS NULL",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
