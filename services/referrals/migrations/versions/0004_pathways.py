"""Pathways: what runs, where its steps stand, and which referrals were sent for them."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE pathways (
         id uuid PRIMARY KEY, version integer NOT NULL, template text NOT NULL, template_version integer NOT NULL,
         definition jsonb NOT NULL, state text NOT NULL, agency text NOT NULL, area text NOT NULL,
         worker text NOT NULL, client_kind text NOT NULL, client_id uuid NOT NULL, case_id uuid, step_id uuid,
         legal_basis text NOT NULL, documents text[] NOT NULL, stop_reason text, note text,
         started_at timestamptz NOT NULL, ended_at timestamptz)""",
    # nobody goes the same way twice at once; serves the question before the start
    "CREATE UNIQUE INDEX pathways_one_running ON pathways (client_id, template) WHERE ended_at IS NULL",
    # serves the office's list, newest first
    "CREATE INDEX pathways_agency ON pathways (agency, id)",
    """CREATE TABLE pathway_steps (
         pathway_id uuid NOT NULL REFERENCES pathways (id), key text NOT NULL, position integer NOT NULL,
         state text NOT NULL, reason text, outcome text, evidence text[] NOT NULL, service text, referral_id uuid,
         attempt integer NOT NULL, asked text[] NOT NULL, used jsonb NOT NULL, chosen text,
         decided boolean NOT NULL, note text, due_on date, send_after timestamptz, tries integer NOT NULL,
         PRIMARY KEY (pathway_id, key))""",
    # serves the queue: what is to be sent or called back, the oldest first
    "CREATE INDEX pathway_steps_next ON pathway_steps (send_after, pathway_id, key) WHERE send_after IS NOT NULL",
    """CREATE TABLE pathway_referrals (
         referral_id uuid PRIMARY KEY REFERENCES referrals (id), pathway_id uuid NOT NULL REFERENCES pathways (id),
         step text NOT NULL, attempt integer NOT NULL, service text NOT NULL, undoes boolean NOT NULL)""",
    # serves reading one pathway
    "CREATE INDEX pathway_referrals_pathway ON pathway_referrals (pathway_id, attempt)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
