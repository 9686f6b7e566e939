"""The directory, referrals, their timelines, and the disclosure ledger."""

from alembic import op

from sinergi.db import SCHEMA_V1

revision = "0001"
down_revision = None

_OPEN = "state NOT IN ('cancelled', 'completed', 'declined', 'entered_in_error', 'expired', 'failed')"

TABLES = (
    """CREATE TABLE agencies (
         code text PRIMARY KEY, version integer NOT NULL, name text NOT NULL, kind text NOT NULL,
         connected boolean NOT NULL)""",
    """CREATE TABLE services (
         code text PRIMARY KEY, version integer NOT NULL, agency text NOT NULL REFERENCES agencies (code),
         desk text NOT NULL, name text NOT NULL, purpose text NOT NULL, fields text[] NOT NULL,
         documents text[] NOT NULL, areas text[] NOT NULL,
         acknowledge_hours integer, decide_hours integer, finish_hours integer)""",
    f"""CREATE TABLE referrals (
         id uuid PRIMARY KEY, version integer NOT NULL, state text NOT NULL, service text NOT NULL,
         sender text NOT NULL, receiver text NOT NULL, desk text NOT NULL, area text NOT NULL,
         client_kind text NOT NULL, client_id uuid NOT NULL, case_id uuid, step_id uuid, priority text NOT NULL,
         reason text NOT NULL, legal_basis text NOT NULL, documents text[] NOT NULL,
         replaces uuid REFERENCES referrals (id), replaced_by uuid,
         requested_at timestamptz NOT NULL, acknowledge_due timestamptz, decide_due timestamptz,
         finish_due timestamptz, receiver_reference text, expected_on date, business_status text, review_on date,
         cancel_reason text, outcome jsonb, evidence jsonb NOT NULL, ended_at timestamptz,
         closed_at timestamptz, closed_by text,
         CONSTRAINT referrals_ended_at CHECK ((ended_at IS NULL) = ({_OPEN})))""",
    # serves sending: one open referral for each client and service
    f"CREATE UNIQUE INDEX referrals_one_open ON referrals (client_id, service) WHERE {_OPEN}",
    # serve the lists of an agency: received and sent, newest first
    "CREATE INDEX referrals_received ON referrals (receiver, state, id)",
    "CREATE INDEX referrals_sent ON referrals (sender, state, id)",
    # serves reading one referral, in order of its facts (the primary key)
    """CREATE TABLE timeline (
         referral_id uuid NOT NULL REFERENCES referrals (id), version integer NOT NULL, at timestamptz NOT NULL,
         fact text NOT NULL, state text NOT NULL, by text NOT NULL, by_agency text NOT NULL, actor text NOT NULL,
         data jsonb NOT NULL, note text, PRIMARY KEY (referral_id, version))""",
    """CREATE TABLE disclosures (
         id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL, agency text NOT NULL,
         referral_id uuid NOT NULL REFERENCES referrals (id), sender text NOT NULL, area text NOT NULL,
         client_kind text NOT NULL, client_id uuid NOT NULL, fields text[] NOT NULL, purpose text NOT NULL)""",
    # serve the auditor: who saw this client, what was shown for this referral
    "CREATE INDEX disclosures_client ON disclosures (client_id, id)",
    "CREATE INDEX disclosures_referral ON disclosures (referral_id, id)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in (*SCHEMA_V1, *TABLES):
        op.execute(statement)
