"""What assessments by versioned instruments need."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    # no working: judged before this release, by general.v1, whose file stays and gives it again
    """ALTER TABLE assessments
         ADD working jsonb, ADD remarks jsonb NOT NULL DEFAULT '{}', ADD current boolean NOT NULL DEFAULT false""",
    """UPDATE assessments SET current = true WHERE id IN (
         SELECT DISTINCT ON (case_id, instrument) id FROM assessments
         ORDER BY case_id, instrument, at DESC, id DESC)""",
    # one current assessment of each instrument; serves the risk of the case
    "CREATE UNIQUE INDEX assessments_current ON assessments (case_id, instrument) WHERE current",
    """CREATE TABLE assessment_drafts (
         case_id uuid NOT NULL REFERENCES cases, instrument text NOT NULL, instrument_version integer NOT NULL,
         version integer NOT NULL, answers jsonb NOT NULL, remarks jsonb NOT NULL, saved_by text NOT NULL,
         saved_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (case_id, instrument))""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
