"""The service directory: eligibility, capacity, areas, documents."""

from uuid import UUID, uuid5

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: as in hsds.py, written down again: a migration never follows the code
_NAMESPACE = UUID("6f0b7b4e-8d0a-5c53-9a7e-2f1c4a1d9b10")
_CLOCK = ", ".join(
    f"'{one}', CASE WHEN {one}_hours IS NOT NULL THEN jsonb_build_object('hours', {one}_hours) END"
    for one in ("acknowledge", "decide", "finish")
)

TABLES: tuple[str, ...] = (
    """CREATE TABLE desks (
         code text PRIMARY KEY, version integer NOT NULL, agency text NOT NULL REFERENCES agencies (code),
         name text NOT NULL, receives text NOT NULL, area text, channels jsonb NOT NULL, opening jsonb NOT NULL,
         CONSTRAINT desks_receives CHECK (receives IN ('nats', 'webhook', 'console', 'link')))""",
    """INSERT INTO desks (code, version, agency, name, receives, channels, opening)
         SELECT DISTINCT ON (s.desk) s.desk, 1, s.agency, split_part(s.desk, '/', 2),
           CASE WHEN a.connected THEN 'nats' ELSE 'console' END, '[]'::jsonb, '[]'::jsonb
         FROM services s JOIN agencies a ON a.code = s.agency ORDER BY s.desk""",
    """ALTER TABLE services
         ADD COLUMN public_id uuid, ADD COLUMN terms_version integer,
         ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
         ADD COLUMN needs text[] NOT NULL DEFAULT '{}', ADD COLUMN eligibility jsonb, ADD COLUMN clocks jsonb,
         ADD COLUMN places integer, ADD COLUMN places_per text,
         ADD COLUMN closed_until date, ADD COLUMN closed_reason text,
         ADD CONSTRAINT services_desk_fkey FOREIGN KEY (desk) REFERENCES desks (code),
         ADD CONSTRAINT services_places CHECK (places >= 0 AND places_per IN ('month', 'at-once')),
         ADD CONSTRAINT services_places_per CHECK ((places IS NULL) = (places_per IS NULL)),
         ADD CONSTRAINT services_closed CHECK ((closed_until IS NULL) = (closed_reason IS NULL))""",
    f"""UPDATE services SET terms_version = version, clocks = jsonb_build_object(
         'routine', jsonb_build_object({_CLOCK}), 'urgent', jsonb_build_object({_CLOCK}))""",
    """ALTER TABLE services ALTER COLUMN terms_version SET NOT NULL, ALTER COLUMN clocks SET NOT NULL""",
    """CREATE TABLE service_versions (
         service text NOT NULL REFERENCES services (code), version integer NOT NULL,
         at timestamptz NOT NULL DEFAULT now(), by text NOT NULL, terms jsonb NOT NULL,
         PRIMARY KEY (service, version))""",
    """INSERT INTO service_versions (service, version, by, terms)
         SELECT code, version, 'migration', to_jsonb(s) - '{code,version,public_id,terms_version,changed_at,places,
           places_per,closed_until,closed_reason}'::text[] FROM services s""",
    # serves the search: who serves this need in one of these areas (the primary key)
    """CREATE TABLE served_needs (
         need text NOT NULL, area text NOT NULL, service text NOT NULL REFERENCES services (code),
         PRIMARY KEY (need, area, service))""",
    # serves the report of gaps: everything in an area and below it
    "CREATE INDEX served_needs_area ON served_needs (area text_pattern_ops, need)",
    # serves the change of a service: its places on the map
    "CREATE INDEX served_needs_service ON served_needs (service)",
    """CREATE TABLE service_loads (
         service text PRIMARY KEY REFERENCES services (code), running integer NOT NULL, month date NOT NULL,
         taken integer NOT NULL, answered integer[] NOT NULL)""",
    """ALTER TABLE referrals
         ADD COLUMN service_version integer, ADD COLUMN takes_place boolean NOT NULL DEFAULT false""",
    """UPDATE referrals r SET takes_place = true WHERE state IN ('accepted', 'in_progress', 'on_hold')
         OR (state = 'cancel_requested' AND EXISTS (
           SELECT FROM timeline t WHERE t.referral_id = r.id AND t.fact = 'accepted'))""",
    """INSERT INTO service_loads (service, running, month, taken, answered)
         SELECT s.code, (SELECT count(*) FROM referrals r WHERE r.service = s.code AND r.takes_place),
           date_trunc('month', now() AT TIME ZONE 'Asia/Jakarta')::date, 0, array_fill(0, ARRAY[12]) FROM services s""",
    """CREATE TABLE needs_asked (
         need text NOT NULL, area text NOT NULL, month date NOT NULL, asked integer NOT NULL, unmet integer NOT NULL,
         PRIMARY KEY (need, area, month))""",
    # serves the report of gaps: what was asked for in an area and below it
    "CREATE INDEX needs_asked_area ON needs_asked (area text_pattern_ops, month)",
    """CREATE TABLE waiting_referrals (
         id uuid PRIMARY KEY, agency text NOT NULL, request jsonb NOT NULL, cause jsonb NOT NULL,
         since timestamptz NOT NULL DEFAULT now(), tries integer NOT NULL DEFAULT 0,
         not_before timestamptz NOT NULL DEFAULT now())""",
    # serves the worker: the next that is due
    "CREATE INDEX waiting_referrals_next ON waiting_referrals (not_before, id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    _give_public_ids()


def _give_public_ids() -> None:
    connection = op.get_bind()
    for code in connection.execute(text("SELECT code FROM services")).scalars().all():
        given = {"code": code, "id": uuid5(_NAMESPACE, f"service:{code}")}
        connection.execute(text("UPDATE services SET public_id = :id WHERE code = :code"), given)
    op.execute("ALTER TABLE services ALTER COLUMN public_id SET NOT NULL")
    # serves GET /hsds/services/{id}
    op.execute("ALTER TABLE services ADD CONSTRAINT services_public_id_key UNIQUE (public_id)")
