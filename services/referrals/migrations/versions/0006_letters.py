"""Letters with their numbers, consents, and when a service's details close."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE letter_offices (
         agency text PRIMARY KEY REFERENCES agencies (code), version integer NOT NULL, office text NOT NULL,
         letterhead text[] NOT NULL, place text NOT NULL, zone text NOT NULL, schemes jsonb NOT NULL,
         signatory jsonb NOT NULL)""",
    """CREATE TABLE letter_counters (
         agency text NOT NULL REFERENCES letter_offices (agency), year integer NOT NULL, last integer NOT NULL,
         PRIMARY KEY (agency, year))""",
    # its unique constraints serve the office's register, and the page that verifies a letter
    """CREATE TABLE letters (
         id uuid PRIMARY KEY, agency text NOT NULL REFERENCES letter_offices (agency),
         referral_id uuid NOT NULL REFERENCES referrals (id), area text NOT NULL, kind text NOT NULL,
         about text NOT NULL, year integer NOT NULL, seq integer NOT NULL, number text NOT NULL,
         code text NOT NULL, issued_on date NOT NULL,
         made_at timestamptz NOT NULL, made_by text NOT NULL, fields text[] NOT NULL, content jsonb NOT NULL,
         salt text NOT NULL, content_hash text NOT NULL, files text[] NOT NULL DEFAULT '{}',
         replaces uuid REFERENCES letters (id), withdrawn_at timestamptz, withdrawn_reason text,
         CONSTRAINT letters_seq UNIQUE (agency, year, seq), CONSTRAINT letters_number UNIQUE (agency, number),
         CONSTRAINT letters_code UNIQUE (code),
         CONSTRAINT letters_kind CHECK (kind IN ('rujukan', 'balasan')),
         CONSTRAINT letters_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL)))""",
    # serves the referral's page: its letters
    "CREATE INDEX letters_referral ON letters (referral_id, id)",
    # one valid letter of a kind about one answer
    "CREATE UNIQUE INDEX letters_one_valid ON letters (referral_id, kind, about) WHERE withdrawn_at IS NULL",
    "ALTER TABLE disclosures ADD COLUMN letter_id uuid REFERENCES letters (id)",
    """CREATE TABLE consents (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL,
         client_kind text NOT NULL, client_id uuid NOT NULL, service text REFERENCES services (code),
         receiver text REFERENCES agencies (code), given_by text NOT NULL, evidence text NOT NULL,
         from_on date NOT NULL, until_on date, recorded_at timestamptz NOT NULL DEFAULT now(),
         recorded_by text NOT NULL, withdrawn_at timestamptz, withdrawn_by text,
         CONSTRAINT consents_scope CHECK (num_nonnulls(service, receiver) = 1),
         CONSTRAINT consents_days CHECK (until_on >= from_on),
         CONSTRAINT consents_given_by CHECK (given_by IN ('self', 'guardian', 'proxy')),
         CONSTRAINT consents_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)))""",
    # serves a client's consents, and the question whether one of them holds
    "CREATE INDEX consents_client ON consents (agency, client_id, id)",
    # serve the auditor: an agency's lines of a period
    "CREATE INDEX disclosures_agency ON disclosures (agency, at)",
    "CREATE INDEX disclosures_sender ON disclosures (sender, at)",
    "ALTER TABLE services ADD COLUMN details_days integer NOT NULL DEFAULT 30",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in TABLES:
        op.execute(statement)
