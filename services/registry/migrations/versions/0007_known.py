"""What is known about people: needs, disability, aid, organisations, counts."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE needs (
         id uuid PRIMARY KEY, person_id uuid NOT NULL REFERENCES persons (id), category text NOT NULL,
         since date NOT NULL, until date, source text NOT NULL, by text NOT NULL, reason text NOT NULL,
         ended_by text, ended_reason text, at timestamptz NOT NULL DEFAULT now(),
         CONSTRAINT needs_order CHECK (until >= since))""",
    # a person is in a category once at a time
    "CREATE UNIQUE INDEX needs_now ON needs (person_id, category) WHERE until IS NULL",
    # serves the reading of a person, and the counts
    "CREATE INDEX needs_person ON needs (person_id)",
    """CREATE TABLE disabilities (
         id uuid PRIMARY KEY, person_id uuid NOT NULL REFERENCES persons (id), kind text NOT NULL,
         degree text NOT NULL, aids text[] NOT NULL, since date, source text NOT NULL, by text NOT NULL,
         reason text NOT NULL, at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz, ended_by text,
         ended_reason text)""",
    # one row for each kind at a time
    "CREATE UNIQUE INDEX disabilities_now ON disabilities (person_id, kind) WHERE ended_at IS NULL",
    # serves the reading of a person, and the counts
    "CREATE INDEX disabilities_person ON disabilities (person_id)",
    """CREATE TABLE aid_entries (
         id uuid PRIMARY KEY, person_id uuid REFERENCES persons (id), household_id uuid REFERENCES households (id),
         programme text NOT NULL, period text NOT NULL, amount bigint, kind text, giver text NOT NULL,
         given_on date NOT NULL, reference text NOT NULL, excluded_by text[] NOT NULL, by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now(), withdrawn_at timestamptz, withdrawn_by text, withdrawn_reason text,
         CONSTRAINT aid_entries_of_one CHECK ((person_id IS NULL) <> (household_id IS NULL)),
         CONSTRAINT aid_entries_what CHECK (amount IS NOT NULL OR kind IS NOT NULL),
         CONSTRAINT aid_entries_amount CHECK (amount > 0))""",
    # aid of a programme once a period; serves the reading of a person, and the counts
    """CREATE UNIQUE INDEX aid_entries_person ON aid_entries (person_id, programme, period)
         WHERE withdrawn_at IS NULL AND person_id IS NOT NULL""",
    # the same for households
    """CREATE UNIQUE INDEX aid_entries_household ON aid_entries (household_id, programme, period)
         WHERE withdrawn_at IS NULL AND household_id IS NOT NULL""",
    """CREATE TABLE organisations (
         id uuid PRIMARY KEY, version integer NOT NULL, kind text NOT NULL, name text NOT NULL, area text NOT NULL,
         contact text, services text[] NOT NULL, active boolean NOT NULL, by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now())""",
    # serves the list of an area
    "CREATE INDEX organisations_area ON organisations (area text_pattern_ops, name, id)",
    # the same organisation is written down once
    "CREATE UNIQUE INDEX organisations_same ON organisations (kind, area, lower(name)) WHERE active",
    """CREATE TABLE area_counts (
         area text NOT NULL, dimension text NOT NULL, key text NOT NULL, people integer NOT NULL,
         PRIMARY KEY (area, dimension, key))""",
    # serves the sums of an area (prefix of the code)
    "CREATE INDEX area_counts_prefix ON area_counts (dimension, area text_pattern_ops, key)",
    "CREATE TABLE areas_counted (area text PRIMARY KEY, counted_at timestamptz NOT NULL)",
    # serves the question how old an area's counts are
    "CREATE INDEX areas_counted_prefix ON areas_counted (area text_pattern_ops)",
    # several marks of one kelurahan may lie here: a unique one would make writers wait, or be lost between two
    """CREATE TABLE dirty_areas (
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, area text NOT NULL,
         marked_at timestamptz NOT NULL DEFAULT now())""",
    # serves the counter, which takes all marks of one kelurahan
    "CREATE INDEX dirty_areas_area ON dirty_areas (area text_pattern_ops)",
    "INSERT INTO dirty_areas (area) SELECT DISTINCT area FROM persons",
    """CREATE TABLE exports (
         id uuid PRIMARY KEY, area text NOT NULL, purpose text NOT NULL, requested_by text NOT NULL,
         role text NOT NULL, agency text NOT NULL, state text NOT NULL, lock jsonb NOT NULL,
         sealed_key bytea, tries integer NOT NULL,
         people integer, bytes bigint, created_at timestamptz NOT NULL DEFAULT now(), ready_at timestamptz,
         expires_at timestamptz)""",
    # serves the worker
    "CREATE INDEX exports_waiting ON exports (id) WHERE state IN ('queued', 'running')",
    # serves the list of an area's exports
    "CREATE INDEX exports_area ON exports (area text_pattern_ops, id)",
    """CREATE TABLE export_parts (
         export_id uuid NOT NULL REFERENCES exports (id), part integer NOT NULL, content bytea NOT NULL,
         PRIMARY KEY (export_id, part))""",
    # what is encrypted does not compress
    "ALTER TABLE export_parts ALTER COLUMN content SET STORAGE EXTERNAL",
    """CREATE TABLE export_pages (
         export_id uuid NOT NULL REFERENCES exports (id), page integer NOT NULL, persons uuid[] NOT NULL,
         PRIMARY KEY (export_id, page))""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
