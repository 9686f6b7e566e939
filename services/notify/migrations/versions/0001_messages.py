"""Messages, contacts, deliveries, and who works a case."""

from alembic import op

from sinergi.db import SCHEMA_V1

revision = "0001"
down_revision = None

TABLES = (
    """CREATE TABLE messages (
         id uuid PRIMARY KEY, version integer NOT NULL, event_id uuid NOT NULL, recipient text NOT NULL,
         kind text NOT NULL, title text NOT NULL, text text NOT NULL, link text NOT NULL,
         at timestamptz NOT NULL DEFAULT now(), read_at timestamptz, read_by text,
         UNIQUE (event_id, recipient))""",
    # serves the inbox: one recipient's, or one agency's desks' (a prefix), newest first
    "CREATE INDEX messages_inbox ON messages (recipient text_pattern_ops, id)",
    # serves the inbox's count of what is unread
    "CREATE INDEX messages_unread ON messages (recipient) WHERE read_at IS NULL",
    # serves the search for messages whose case was not known when they came
    "CREATE INDEX messages_unaddressed ON messages (recipient) WHERE recipient LIKE 'case:%'",
    "CREATE TABLE case_workers (case_id text PRIMARY KEY, worker text NOT NULL, supervisor text NOT NULL)",
    "CREATE TABLE contacts (recipient text PRIMARY KEY, email text NOT NULL)",
    """CREATE TABLE deliveries (
         id uuid PRIMARY KEY, message_id uuid NOT NULL REFERENCES messages (id), email text NOT NULL,
         state text NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')), tries integer NOT NULL,
         due_at timestamptz NOT NULL DEFAULT now(), problem text,
         created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz)""",
    "CREATE INDEX ix_deliveries_message_id ON deliveries (message_id)",
    # serves the sender: what is due
    "CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'waiting'",
    # serves the operator's list of what failed
    "CREATE INDEX deliveries_state ON deliveries (state, id)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in (*SCHEMA_V1, *TABLES):
        op.execute(statement)
