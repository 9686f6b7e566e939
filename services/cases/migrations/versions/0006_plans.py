"""Versions of plans, and actions that are no referrals."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: what the plans of before were made of, as their content is written now
_CONTENT = """UPDATE plans SET submitted_by = CASE WHEN submitted_at IS NULL THEN NULL ELSE cases.worker END,
  content = jsonb_build_object(
    'goals', coalesce((SELECT jsonb_agg(jsonb_build_object('key', key, 'need', need, 'text', text) ORDER BY position)
                       FROM goals WHERE goals.case_id = plans.case_id), '[]'),
    'steps', coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'key', key, 'goal', goal, 'stage', stage, 'kind', kind, 'service', service, 'after', after,
                         'reason', reason, 'legal_basis', legal_basis, 'priority', priority, 'documents', documents,
                         'due_days', due_days) ORDER BY position)
                       FROM steps WHERE steps.case_id = plans.case_id), '[]'))
  FROM cases WHERE cases.id = plans.case_id"""

TABLES: tuple[str, ...] = (
    "ALTER TABLE cases ADD duties jsonb NOT NULL DEFAULT '{}'",
    "ALTER TABLE plans ADD number integer NOT NULL DEFAULT 1, ADD content jsonb, ADD submitted_by text",
    _CONTENT,
    """ALTER TABLE plans ALTER number DROP DEFAULT, ALTER content SET NOT NULL,
         DROP CONSTRAINT plans_one_per_case, ADD CONSTRAINT plans_number UNIQUE (case_id, number)""",
    # one version is in force, one is being written
    "CREATE UNIQUE INDEX plans_one_in_force ON plans (case_id) WHERE state = 'approved'",
    "CREATE UNIQUE INDEX plans_one_in_work ON plans (case_id) WHERE state IN ('draft', 'submitted', 'returned')",
    # serves the queue of what waits for a supervisor
    "CREATE INDEX plans_waiting ON plans (submitted_at, id) WHERE state = 'submitted'",
    "ALTER TABLE goals ADD target text, ADD by_when date, ADD retired_at timestamptz",
    """ALTER TABLE steps
         ADD weight integer NOT NULL DEFAULT 1, ADD worker text, ADD amount bigint, ADD withdrawn text, ADD note text,
         ADD reference text, ADD done_on date,
         ALTER reason DROP NOT NULL, ALTER legal_basis DROP NOT NULL""",
    "ALTER TABLE steps ALTER weight DROP DEFAULT",
    """CREATE TABLE plan_submissions (
         id uuid PRIMARY KEY, plan_id uuid NOT NULL REFERENCES plans, number integer NOT NULL, content jsonb NOT NULL,
         submitted_by text NOT NULL, submitted_at timestamptz NOT NULL DEFAULT now(), decision text, decided_by text,
         decided_at timestamptz, comment text, remarks jsonb NOT NULL,
         CONSTRAINT plan_submissions_number UNIQUE (plan_id, number))""",
    # a plan of before that was laid before its supervisor keeps how that was decided
    """INSERT INTO plan_submissions
         (id, plan_id, number, content, submitted_by, submitted_at, decision, decided_by, decided_at, comment, remarks)
       SELECT gen_random_uuid(), id, 1, content, submitted_by, submitted_at,
              CASE WHEN state IN ('approved', 'returned') THEN state END, decided_by, decided_at, comment, '{}'
       FROM plans WHERE submitted_at IS NOT NULL""",
    """CREATE TABLE goal_views (
         id uuid PRIMARY KEY, goal_id uuid NOT NULL REFERENCES goals, reached text NOT NULL, seen_on date NOT NULL,
         note text NOT NULL, seen_by text NOT NULL, at timestamptz NOT NULL DEFAULT now())""",
    # serves the reading of a plan: all views of its goals
    "CREATE INDEX ix_goal_views_goal_id ON goal_views (goal_id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
