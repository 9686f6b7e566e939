"""The tables of sinergi and of casework."""

from alembic import op

from sinergi.db import SCHEMA_V1

revision = "0001"
down_revision = None

CASES = (
    """CREATE TABLE cases (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL,
         worker text NOT NULL, supervisor text NOT NULL, client_kind text NOT NULL, client_id uuid NOT NULL,
         way_in text NOT NULL, stage text NOT NULL, risk text, opened_at timestamptz NOT NULL DEFAULT now(),
         closure_reason text, client_view text, closed_at timestamptz)""",
    # one open case per client
    "CREATE UNIQUE INDEX cases_one_open ON cases (client_kind, client_id) WHERE closed_at IS NULL",
    # serves a worker's caseload
    "CREATE INDEX cases_caseload ON cases (agency, worker, opened_at)",
    # serves an office's cases within an area
    "CREATE INDEX cases_office ON cases (agency, area, opened_at)",
    """CREATE TABLE assessments (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, instrument text NOT NULL,
         instrument_version integer NOT NULL, answers jsonb NOT NULL, risk text NOT NULL, because jsonb NOT NULL,
         assessed_by text NOT NULL, at timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE plans (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, state text NOT NULL, comment text NOT NULL,
         submitted_at timestamptz, decided_at timestamptz, decided_by text,
         CONSTRAINT plans_one_per_case UNIQUE (case_id))""",
    """CREATE TABLE goals (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, position integer NOT NULL, key text NOT NULL,
         need text NOT NULL, text text NOT NULL, outcome text, CONSTRAINT goals_key UNIQUE (case_id, key))""",
    """CREATE TABLE steps (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, position integer NOT NULL, key text NOT NULL,
         goal text NOT NULL, stage text NOT NULL, kind text NOT NULL, service text NOT NULL, after jsonb NOT NULL,
         reason text NOT NULL, legal_basis text NOT NULL, priority text NOT NULL, documents jsonb NOT NULL,
         due_days integer, due_on date, state text NOT NULL, referral_id uuid, earlier_referrals jsonb NOT NULL,
         outcome text, problem text, missing_documents jsonb NOT NULL,
         CONSTRAINT steps_key UNIQUE (case_id, key))""",
    """CREATE TABLE tasks (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, step_id uuid NOT NULL REFERENCES steps,
         worker text NOT NULL, kind text NOT NULL, reason text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
         done_at timestamptz)""",
    """CREATE TABLE follow_ups (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, due_on date NOT NULL, done_at timestamptz)""",
    """CREATE TABLE history (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, at timestamptz NOT NULL DEFAULT now(),
         actor text NOT NULL, role text NOT NULL, agency text NOT NULL, what text NOT NULL, note text NOT NULL)""",
    # each serves the reading of one case with everything that belongs to it
    "CREATE INDEX ix_assessments_case_id ON assessments (case_id)",
    "CREATE INDEX ix_tasks_case_id ON tasks (case_id)",
    "CREATE INDEX ix_follow_ups_case_id ON follow_ups (case_id)",
    "CREATE INDEX ix_history_case_id ON history (case_id)",
)


def upgrade() -> None:
    """Make them."""
    for statement in (*SCHEMA_V1, *CASES):
        op.execute(statement)
