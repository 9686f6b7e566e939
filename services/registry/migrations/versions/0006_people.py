"""Households' history, change requests, provisional identities."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = (
    """CREATE TABLE person_changes (
         id uuid PRIMARY KEY, person_id uuid NOT NULL REFERENCES persons (id), kind text NOT NULL,
         happened_on date NOT NULL, reason text NOT NULL, evidence text, by text NOT NULL,
         at timestamptz NOT NULL DEFAULT now())""",
    # serves the history of a person
    "CREATE INDEX person_changes_person ON person_changes (person_id, id)",
    """CREATE TABLE household_numbers (
         id uuid PRIMARY KEY, household_id uuid NOT NULL REFERENCES households (id), kk bytea NOT NULL, from_on date,
         until_on date, reason text NOT NULL)""",
    # a household has one No. KK at a time
    "CREATE UNIQUE INDEX household_numbers_now ON household_numbers (household_id) WHERE until_on IS NULL",
    # serves the history of a household
    "CREATE INDEX household_numbers_household ON household_numbers (household_id)",
    # serves the search by a No. KK of the past
    "CREATE INDEX household_numbers_kk ON household_numbers (kk)",
    """CREATE TABLE household_members_past (
         id uuid PRIMARY KEY, person_id uuid NOT NULL REFERENCES persons (id), household_id uuid REFERENCES households,
         relation text, is_head boolean NOT NULL, from_on date, until_on date NOT NULL,
         to_household_id uuid REFERENCES households, reason text NOT NULL, by text NOT NULL)""",
    # serves the history of a person, and since when he is where he is
    "CREATE INDEX household_members_past_person ON household_members_past (person_id, id)",
    # serves the history of a household
    "CREATE INDEX household_members_past_household ON household_members_past (household_id, id)",
    """CREATE TABLE request_tiers (
         area text NOT NULL, place integer NOT NULL, name text NOT NULL, depth_least integer NOT NULL,
         depth_most integer NOT NULL, PRIMARY KEY (area, place), CHECK (depth_least <= depth_most))""",
    """INSERT INTO request_tiers VALUES
         ('', 1, 'kelurahan', 4, 4), ('', 2, 'kecamatan', 3, 3), ('', 3, 'dinsos', 0, 2)""",
    """CREATE TABLE change_requests (
         id uuid PRIMARY KEY, version integer NOT NULL, person_id uuid NOT NULL REFERENCES persons (id),
         area text NOT NULL, fields text[] NOT NULL, sealed bytea NOT NULL, reason text NOT NULL, evidence text,
         proposed_by text NOT NULL, state text NOT NULL, place integer NOT NULL, tier text NOT NULL,
         depth_least integer NOT NULL, depth_most integer NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
         closed_at timestamptz)""",
    # serves the queue of an area
    "CREATE INDEX change_requests_queue ON change_requests (area text_pattern_ops, id) WHERE state = 'open'",
    # serves the look for another open request about the same person
    "CREATE INDEX change_requests_person ON change_requests (person_id)",
    """CREATE TABLE request_steps (
         id uuid PRIMARY KEY, request_id uuid NOT NULL REFERENCES change_requests (id), kind text NOT NULL,
         tier text NOT NULL, reason text, by text NOT NULL, at timestamptz NOT NULL DEFAULT now())""",
    # serves the reading of a request
    "CREATE INDEX request_steps_request ON request_steps (request_id, id)",
    """CREATE TABLE group_limits (
         kind text NOT NULL, area text NOT NULL, from_on date NOT NULL, least integer NOT NULL, most integer NOT NULL,
         one_each text[] NOT NULL, legal_basis text NOT NULL, source text NOT NULL, by text NOT NULL,
         PRIMARY KEY (kind, area, from_on), CHECK (0 < least AND least <= most))""",
    # the national rule; an area's own (some say ten heads of family) is a row with its code and its own basis
    """INSERT INTO group_limits VALUES
         ('kube', '', '2019-01-01', 5, 20, '{ketua,sekretaris,bendahara}', 'Permensos 2/2019 (KUBE)',
          'shared/DOMAIN.md; not checked against the text of the law', 'migration')""",
    """CREATE TABLE group_members_past (
         id uuid PRIMARY KEY, group_id uuid NOT NULL REFERENCES groups (id),
         person_id uuid NOT NULL REFERENCES persons (id), role text NOT NULL, until_on date NOT NULL,
         reason text NOT NULL, by text NOT NULL)""",
    # serves the history of a group
    "CREATE INDEX group_members_past_group ON group_members_past (group_id, id)",
    # serves the list of an area's groups
    "CREATE INDEX groups_area ON groups (area text_pattern_ops, id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
