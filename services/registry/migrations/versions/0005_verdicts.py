"""Reviews and verdicts about pairs of people."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE reviews (
         id uuid PRIMARY KEY, low_id uuid NOT NULL REFERENCES persons (id),
         high_id uuid NOT NULL REFERENCES persons (id), bits real, levels jsonb, reason text NOT NULL,
         area text NOT NULL, import_id uuid REFERENCES imports (id), state text NOT NULL DEFAULT 'open',
         created_at timestamptz NOT NULL DEFAULT now(),
         CONSTRAINT reviews_of_two CHECK (low_id < high_id),
         CONSTRAINT reviews_state CHECK (state IN ('open', 'decided')),
         CONSTRAINT reviews_pair UNIQUE (low_id, high_id))""",
    # serves, with reviews_pair, the pairs of a person
    "CREATE INDEX reviews_high ON reviews (high_id)",
    # serves the queue: closest to the line first
    "CREATE INDEX reviews_open ON reviews (abs(bits), id) WHERE state = 'open'",
    # serves the queue of a small area, and the counts by area and reason
    "CREATE INDEX reviews_area ON reviews (area text_pattern_ops, reason) WHERE state = 'open'",
    """CREATE TABLE verdicts (
         id uuid PRIMARY KEY, low_id uuid NOT NULL REFERENCES persons (id),
         high_id uuid NOT NULL REFERENCES persons (id), verdict text NOT NULL, reason text NOT NULL,
         decided_by text NOT NULL, decided_at timestamptz NOT NULL DEFAULT now(), withdrawn_by text,
         withdrawn_at timestamptz, withdrawn_reason text,
         CONSTRAINT verdicts_of_two CHECK (low_id < high_id),
         CONSTRAINT verdicts_verdict CHECK (verdict IN ('same', 'different')))""",
    # a pair has one verdict at a time; serves the verdicts of a person and of a pair
    "CREATE UNIQUE INDEX verdicts_pair ON verdicts (low_id, high_id) WHERE withdrawn_at IS NULL",
    # serves, with verdicts_pair, the verdicts of a person
    "CREATE INDEX verdicts_high ON verdicts (high_id) WHERE withdrawn_at IS NULL",
    """CREATE TABLE record_moves (
         record_id uuid PRIMARY KEY REFERENCES records (id), person_id uuid NOT NULL REFERENCES persons (id),
         reason text NOT NULL, moved_by text NOT NULL, moved_at timestamptz NOT NULL DEFAULT now())""",
    # serves the records of a person
    "CREATE INDEX record_moves_person ON record_moves (person_id)",
    """CREATE TABLE merged_places (
         group_id uuid NOT NULL, person_id uuid NOT NULL, origin_id uuid NOT NULL REFERENCES persons (id),
         PRIMARY KEY (group_id, person_id),
         CONSTRAINT merged_places_member FOREIGN KEY (group_id, person_id)
           REFERENCES group_members (group_id, person_id) ON UPDATE CASCADE ON DELETE CASCADE)""",
    # of whom each record speaks now; a condition on either column reaches the indexes below
    """CREATE VIEW attachments AS
         SELECT r.id AS record_id, r.person_id FROM records r
         WHERE NOT EXISTS (SELECT FROM record_moves m WHERE m.record_id = r.id)
         UNION ALL SELECT m.record_id, m.person_id FROM record_moves m""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
