"""Ways in, the first screening, unknown clients, transfers between regencies."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    "ALTER TABLE cases ADD client_was uuid, ADD joined_to uuid REFERENCES cases",
    # serves the way from a case to those that were joined to it
    "CREATE INDEX cases_joined_to ON cases (joined_to) WHERE joined_to IS NOT NULL",
    """CREATE TABLE unknown_clients (
         id uuid PRIMARY KEY, nickname text NOT NULL, description text NOT NULL, sex text, age_from integer,
         age_to integer, marks text NOT NULL, skot_number text NOT NULL, noted_by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now(), bound_to uuid, bound_at timestamptz)""",
    """CREATE TABLE intakes (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL, way_in text NOT NULL,
         reporter text NOT NULL, contact text NOT NULL, place_area text NOT NULL, place text NOT NULL,
         seen_at timestamptz NOT NULL, needs jsonb NOT NULL, account text NOT NULL, photo text NOT NULL,
         client_kind text, client_id uuid, received_by text NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
         state text NOT NULL, answers jsonb, urgency text, because jsonb NOT NULL, rank integer NOT NULL,
         screened_by text, screened_at timestamptz, overdue boolean NOT NULL, task_id uuid REFERENCES tasks,
         case_id uuid REFERENCES cases, to_agency text, referred_from uuid REFERENCES intakes, reason text,
         note text NOT NULL, decided_by text, decided_at timestamptz)""",
    # serves the queue of an office: what nobody has decided yet, risk to life first, then the oldest
    """CREATE INDEX intakes_queue ON intakes (agency, rank, received_at, id)
         WHERE state IN ('received', 'screened')""",
    # serves what somebody brought in
    "CREATE INDEX intakes_brought ON intakes (received_by, received_at)",
    # serves the reports that belong to a case
    "CREATE INDEX intakes_of_case ON intakes (case_id) WHERE case_id IS NOT NULL",
    """CREATE TABLE transfers (
         id uuid PRIMARY KEY, version integer NOT NULL, case_id uuid NOT NULL REFERENCES cases,
         from_agency text NOT NULL, from_area text NOT NULL, to_agency text NOT NULL, to_area text NOT NULL,
         reason text NOT NULL, summary text NOT NULL, state text NOT NULL, proposed_by text NOT NULL,
         proposed_at timestamptz NOT NULL DEFAULT now(), offered_by text, answer_by timestamptz,
         overdue boolean NOT NULL, decided_by text, decided_at timestamptz, why text, note text NOT NULL)""",
    # a case goes one way at a time
    "CREATE UNIQUE INDEX transfers_one_open ON transfers (case_id) WHERE state IN ('proposed', 'offered')",
    # serve the lists: what comes to an office, what leaves it
    "CREATE INDEX transfers_coming ON transfers (to_agency, proposed_at) WHERE state = 'offered'",
    "CREATE INDEX transfers_leaving ON transfers (from_agency, proposed_at)",
    # serves the question which offices have held a case, and the case's own list
    "CREATE INDEX transfers_of_case ON transfers (case_id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
