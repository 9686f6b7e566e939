"""Facilities, beds, placements and the waiting list."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE facilities (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, code text NOT NULL UNIQUE,
         name text NOT NULL, kind text NOT NULL, area text NOT NULL, serves text[] NOT NULL, sexes text[] NOT NULL,
         age_from integer NOT NULL, age_to integer NOT NULL, categories text[] NOT NULL, open boolean NOT NULL,
         CONSTRAINT facilities_ages CHECK (age_from <= age_to))""",
    # serve the board: by kind, by area
    "CREATE INDEX facilities_kind ON facilities (kind, code)",
    "CREATE INDEX facilities_area ON facilities (area text_pattern_ops, code)",
    """CREATE TABLE placements (
         id uuid PRIMARY KEY, version integer NOT NULL, case_id uuid NOT NULL REFERENCES cases, step_id uuid,
         person_id uuid NOT NULL, agency text NOT NULL, area text NOT NULL, inside boolean NOT NULL,
         kind text NOT NULL, state text NOT NULL, warning text, why_inside text, sex text NOT NULL,
         birth_year integer NOT NULL, category text NOT NULL, bed_kind text NOT NULL, risk text, priority text,
         rank integer NOT NULL, requested_by text NOT NULL, requested_at timestamptz NOT NULL DEFAULT now(),
         facility_id uuid REFERENCES facilities, passed_bed_id uuid, held_until timestamptz,
         admitted_at timestamptz, leave_kind text, leave_until date, review_on date, ended_at timestamptz,
         end_reason text, destination text, tasks jsonb NOT NULL)""",
    # serves the placements of a case
    "CREATE INDEX ix_placements_case_id ON placements (case_id)",
    # a person has one open placement inside, and one outside
    """CREATE UNIQUE INDEX placements_open ON placements (person_id, inside)
         WHERE state NOT IN ('cancelled', 'discharged', 'ended')""",
    # serves the next one for a bed, and the list
    """CREATE INDEX placements_waiting ON placements (kind, bed_kind, rank, requested_at, id)
         WHERE state = 'waiting'""",
    # serves the cards of a facility
    """CREATE INDEX placements_facility ON placements (facility_id)
         WHERE state NOT IN ('cancelled', 'discharged', 'ended')""",
    """CREATE TABLE beds (
         id uuid PRIMARY KEY, facility_id uuid NOT NULL REFERENCES facilities, label text NOT NULL, sex text NOT NULL,
         kind text NOT NULL, state text NOT NULL, extra boolean NOT NULL, placement_id uuid REFERENCES placements,
         held_until timestamptz, reason text NOT NULL,
         CONSTRAINT beds_taken CHECK ((state IN ('held', 'occupied', 'on_leave')) = (placement_id IS NOT NULL)))""",
    # a label names one bed
    "CREATE UNIQUE INDEX beds_label ON beds (facility_id, label)",
    # nobody lies in two beds
    "CREATE UNIQUE INDEX beds_placement ON beds (placement_id) WHERE placement_id IS NOT NULL",
    # serves the search for a free bed
    "CREATE INDEX beds_free ON beds (facility_id, kind) WHERE state = 'free'",
    """CREATE TABLE bed_counts (
         facility_id uuid NOT NULL REFERENCES facilities, sex text NOT NULL, state text NOT NULL,
         beds integer NOT NULL, PRIMARY KEY (facility_id, sex, state),
         CONSTRAINT bed_counts_whole CHECK (beds >= 0))""",
    """CREATE TABLE waiting_counts (
         kind text NOT NULL, bed_kind text NOT NULL, sex text NOT NULL, regency text NOT NULL,
         people integer NOT NULL, PRIMARY KEY (kind, bed_kind, sex, regency),
         CONSTRAINT waiting_counts_whole CHECK (people >= 0))""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
