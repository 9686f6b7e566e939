"""Obstacles, meetings and what they decide."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE obstacles (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL,
         category text NOT NULL, words text NOT NULL, severity text NOT NULL, since date NOT NULL, state text NOT NULL,
         owner text NOT NULL, office text NOT NULL, cases integer NOT NULL, reason text NOT NULL,
         raised_by text NOT NULL, raised_at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz)""",
    # serves the agenda, the list of open ones, and the search for similar ones
    "CREATE INDEX obstacles_open ON obstacles (agency, category, area) WHERE ended_at IS NULL",
    # serves the list of all
    "CREATE INDEX obstacles_office ON obstacles (agency, raised_at)",
    """CREATE TABLE obstacle_links (
         id uuid PRIMARY KEY, obstacle_id uuid NOT NULL REFERENCES obstacles, kind text NOT NULL,
         subject_id uuid NOT NULL, case_id uuid REFERENCES cases, by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now(),
         CONSTRAINT obstacle_links_once UNIQUE (obstacle_id, kind, subject_id))""",
    # serves the obstacles of a case
    "CREATE INDEX ix_obstacle_links_case_id ON obstacle_links (case_id)",
    """CREATE TABLE meetings (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL, kind text NOT NULL,
         held_on date NOT NULL, place text NOT NULL, month date NOT NULL, state text NOT NULL, agenda jsonb NOT NULL,
         frozen_at timestamptz NOT NULL, participants jsonb NOT NULL, chair text NOT NULL, called_by text NOT NULL,
         approved_by text, approved_at timestamptz)""",
    # one meeting of a kind a day; serves the list, newest first
    "CREATE UNIQUE INDEX meetings_once ON meetings (agency, held_on, area, kind)",
    """CREATE TABLE meeting_items (
         id uuid PRIMARY KEY, meeting_id uuid NOT NULL REFERENCES meetings, version integer NOT NULL,
         position integer NOT NULL, kind text NOT NULL, obstacle_id uuid REFERENCES obstacles, notes text NOT NULL,
         decisions jsonb NOT NULL, CONSTRAINT meeting_items_position UNIQUE (meeting_id, position))""",
    """CREATE TABLE meeting_addenda (
         id uuid PRIMARY KEY, meeting_id uuid NOT NULL REFERENCES meetings, text text NOT NULL, by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now())""",
    # serves the minutes
    "CREATE INDEX ix_meeting_addenda_meeting_id ON meeting_addenda (meeting_id)",
    """CREATE TABLE decisions (
         id uuid PRIMARY KEY, agency text NOT NULL, area text NOT NULL, meeting_id uuid REFERENCES meetings,
         obstacle_id uuid REFERENCES obstacles, task_id uuid NOT NULL REFERENCES tasks, text text NOT NULL,
         desk text NOT NULL, due_on date NOT NULL, decided_by text NOT NULL,
         decided_at timestamptz NOT NULL DEFAULT now())""",
    # serves what is not done of earlier meetings
    "CREATE INDEX decisions_office ON decisions (agency, due_on)",
    # serve the minutes, and the obstacle's page
    "CREATE INDEX ix_decisions_meeting_id ON decisions (meeting_id)",
    "CREATE INDEX ix_decisions_obstacle_id ON decisions (obstacle_id)",
    # serves the grouped count of overdue tasks, by the index alone
    "CREATE INDEX tasks_late ON tasks (agency, area, kind, due_on) WHERE done_at IS NULL",
    # serve the numbers of a month, by the index alone
    "CREATE INDEX cases_stages ON cases (agency, area, stage) WHERE closed_at IS NULL",
    "CREATE INDEX cases_closed ON cases (agency, closed_at, area) WHERE closed_at IS NOT NULL",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
