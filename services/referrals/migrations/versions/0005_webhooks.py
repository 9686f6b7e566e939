"""Webhooks: endpoints, their secrets, deliveries."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE webhooks (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL REFERENCES agencies (code),
         desk text REFERENCES desks (code), url text NOT NULL, events text[] NOT NULL, state text NOT NULL,
         reason text, failures integer NOT NULL, not_before timestamptz,
         made_at timestamptz NOT NULL DEFAULT now(), made_by text NOT NULL,
         CONSTRAINT webhooks_state CHECK (state IN ('active', 'paused', 'failing', 'removed')))""",
    # serves telling a fact (the webhooks of the two agencies), and the list of an agency's
    "CREATE INDEX webhooks_agency ON webhooks (agency)",
    """CREATE TABLE webhook_secrets (
         id uuid PRIMARY KEY, webhook_id uuid NOT NULL REFERENCES webhooks (id),
         made_at timestamptz NOT NULL DEFAULT now(), ends_at timestamptz)""",
    "CREATE INDEX ix_webhook_secrets_webhook_id ON webhook_secrets (webhook_id)",
    """CREATE TABLE webhook_deliveries (
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, webhook_id uuid NOT NULL REFERENCES webhooks (id),
         event_id uuid NOT NULL, type text NOT NULL, aggregate_id uuid NOT NULL, version bigint NOT NULL,
         body text NOT NULL, state text NOT NULL DEFAULT 'waiting', tries integer NOT NULL DEFAULT 0,
         next_at timestamptz NOT NULL DEFAULT now(), made_at timestamptz NOT NULL DEFAULT now(),
         tried_at timestamptz, status integer, problem text, ms integer,
         UNIQUE (webhook_id, event_id),
         CONSTRAINT webhook_deliveries_state CHECK (state IN ('waiting', 'delivered', 'failed')))""",
    # serves the sender: what of this webhook is due
    "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at, seq) WHERE state = 'waiting'",
    # serves the sender: whether an earlier fact of the same referral still waits
    """CREATE INDEX webhook_deliveries_order ON webhook_deliveries (webhook_id, aggregate_id, version)
         WHERE state = 'waiting'""",
    # serve the log of a webhook, newest first: all, and what its server does not want
    "CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, seq)",
    "CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (webhook_id, seq) WHERE state = 'failed'",
    # serves the purge after 90 days
    "CREATE INDEX webhook_deliveries_old ON webhook_deliveries (made_at) WHERE state <> 'waiting'",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
