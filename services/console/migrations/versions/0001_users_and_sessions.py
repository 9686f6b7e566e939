"""Users, sessions, signing keys and tries to sign in."""

from alembic import op

from sinergi.db import SCHEMA_V1

revision = "0001"
down_revision = None

TABLES = (
    """CREATE TABLE users (
         sub text PRIMARY KEY, username text NOT NULL UNIQUE, password_hash text NOT NULL, name text NOT NULL,
         role text NOT NULL, agency text NOT NULL, area text NOT NULL)""",
    """CREATE TABLE sessions (
         digest text PRIMARY KEY, sub text NOT NULL REFERENCES users (sub) ON DELETE CASCADE, csrf text NOT NULL,
         token text NOT NULL, token_expires_at timestamptz NOT NULL,
         created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL)""",
    # serves the removal of a user
    "CREATE INDEX ix_sessions_sub ON sessions (sub)",
    # serves the removal of sessions that have ended
    "CREATE INDEX ix_sessions_expires_at ON sessions (expires_at)",
    """CREATE TABLE signing_keys (
         kid text PRIMARY KEY, jwk jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())""",
    "CREATE TABLE login_tries (id uuid PRIMARY KEY, name_digest text NOT NULL, at timestamptz NOT NULL DEFAULT now())",
    # serves the count of a name's recent tries
    "CREATE INDEX login_tries_name ON login_tries (name_digest, at)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in (*SCHEMA_V1, *TABLES):
        op.execute(statement)
