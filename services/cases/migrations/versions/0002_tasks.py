"""Tasks as things of their own, alarms, and who else may look into a case."""

from alembic import op

from sinergi.db import SCHEMA_V2

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    *SCHEMA_V2,
    """ALTER TABLE tasks
         ADD version integer NOT NULL DEFAULT 0, ADD agency text, ADD area text, ADD note text NOT NULL DEFAULT '',
         ADD due_on date, ADD overdue_since timestamptz, ADD done_by text,
         ALTER case_id DROP NOT NULL, ALTER step_id DROP NOT NULL""",
    "UPDATE tasks SET agency = cases.agency, area = cases.area FROM cases WHERE cases.id = tasks.case_id",
    """ALTER TABLE tasks ALTER agency SET NOT NULL, ALTER area SET NOT NULL,
         ALTER version DROP DEFAULT, ALTER note DROP DEFAULT""",
    # serves the list of one's own tasks
    "CREATE INDEX tasks_mine ON tasks (worker, due_on, id) WHERE done_at IS NULL",
    # serves the list of an office's tasks
    "CREATE INDEX tasks_office ON tasks (agency, area, due_on) WHERE done_at IS NULL",
    """CREATE TABLE case_access (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, actor text NOT NULL, agency text NOT NULL,
         may text NOT NULL, because text NOT NULL, until timestamptz, granted_by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now(), revoked_at timestamptz,
         CONSTRAINT case_access_may CHECK (may IN ('read', 'write')))""",
    # serves the question who else may look into a case
    "CREATE INDEX ix_case_access_case_id ON case_access (case_id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
