"""Points, hand-overs, cover."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RISKS = ("low", "medium", "high", "life")
STAGES = ("identifikasi", "asesmen", "rencana", "intervensi", "pemberdayaan", "terminasi")
CLIENTS = ("person", "household", "group", "unknown")

COLUMNS = ("risk_none", *(f"risk_{one}" for one in RISKS), *(f"stage_{one}" for one in STAGES),
           *(f"client_{one}" for one in CLIENTS))  # fmt: skip
#: the same of one case: true or false
TRUTHS = (
    "{row}risk IS NULL",
    *(f"{{row}}risk IS NOT DISTINCT FROM '{one}'" for one in RISKS),
    *(f"{{row}}stage = '{one}'" for one in STAGES),
    *(f"{{row}}client_kind = '{one}'" for one in CLIENTS),
)

_COUNTED = ", ".join(COLUMNS)
_SUMS = ", ".join(f"count(*) FILTER (WHERE {truth.format(row='')})" for truth in TRUTHS)
_ONE = ", ".join(f"n * ({truth.format(row='one.')})::integer" for truth in TRUTHS)
_WATCHED = ("agency", "area", "worker", "stage", "risk", "client_kind")
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _WATCHED) for row in ("OLD", "NEW"))

TABLES: tuple[str, ...] = (
    """ALTER TABLE cases ADD touched_at timestamptz NOT NULL DEFAULT now(),
         ADD urgency integer NOT NULL GENERATED ALWAYS AS (
           CASE risk WHEN 'life' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 1 WHEN 'low' THEN 0 ELSE 2 END) STORED""",
    """UPDATE cases SET touched_at = coalesce(
         (SELECT max(at) FROM history WHERE history.case_id = cases.id), opened_at)""",
    # serve the office's lists: open ones and closed ones by urgency, the open ones by the last change
    "CREATE INDEX cases_urgent ON cases (agency, urgency, opened_at, id) WHERE closed_at IS NULL",
    "CREATE INDEX cases_ended ON cases (agency, urgency, opened_at, id) WHERE closed_at IS NOT NULL",
    "CREATE INDEX cases_touched ON cases (agency, touched_at, id) WHERE closed_at IS NULL",
    # serves the search by the short number
    'CREATE INDEX cases_number ON cases ("right"(id::text, 8))',
    # serves the office's list by due date
    """CREATE INDEX tasks_by_due ON tasks (agency, due_on, case_id)
         WHERE done_at IS NULL AND due_on IS NOT NULL AND case_id IS NOT NULL""",
    # serves the count of what is overdue, by worker
    "CREATE INDEX tasks_overdue ON tasks (agency, worker, area) WHERE done_at IS NULL AND overdue_since IS NOT NULL",
    f"""CREATE TABLE case_counts (
         id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agency text NOT NULL, area text NOT NULL,
         worker text NOT NULL, folded boolean NOT NULL, cases integer NOT NULL,
         {", ".join(f"{column} integer NOT NULL" for column in COLUMNS)})""",
    "CREATE INDEX case_counts_office ON case_counts (agency, worker)",
    "CREATE INDEX case_counts_fresh ON case_counts (agency, worker, area) WHERE NOT folded",
    f"""INSERT INTO case_counts (agency, area, worker, folded, cases, {_COUNTED})
        SELECT agency, area, worker, true, count(*), {_SUMS} FROM cases WHERE closed_at IS NULL
        GROUP BY agency, area, worker""",
    f"""CREATE FUNCTION count_case(one cases, n integer) RETURNS void LANGUAGE sql AS $$
          INSERT INTO case_counts (agency, area, worker, folded, cases, {_COUNTED})
          SELECT one.agency, one.area, one.worker, false, n, {_ONE} WHERE one.closed_at IS NULL $$""",
    """CREATE FUNCTION count_cases() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           IF TG_OP <> 'INSERT' THEN PERFORM count_case(OLD, -1); END IF;
           IF TG_OP <> 'DELETE' THEN PERFORM count_case(NEW, 1); END IF;
           RETURN NULL;
         END $$""",
    """CREATE TRIGGER cases_counted AFTER INSERT OR DELETE ON cases
         FOR EACH ROW EXECUTE FUNCTION count_cases()""",
    f"""CREATE TRIGGER cases_recounted AFTER UPDATE ON cases FOR EACH ROW
         WHEN (({_OLD}, OLD.closed_at IS NULL) IS DISTINCT FROM ({_NEW}, NEW.closed_at IS NULL))
         EXECUTE FUNCTION count_cases()""",
    """CREATE TABLE worker_profiles (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, actor text NOT NULL, area text NOT NULL,
         capacity integer NOT NULL, available_from date, available_until date, speaks jsonb NOT NULL,
         specialities jsonb NOT NULL, CONSTRAINT worker_profiles_one UNIQUE (agency, actor))""",
    """CREATE TABLE covers (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, area text NOT NULL, worker text NOT NULL,
         stand_in text NOT NULL, starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL,
         arranged_by text NOT NULL, at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz)""",
    "CREATE INDEX covers_stand_in ON covers (stand_in, ends_at) WHERE ended_at IS NULL",
    "CREATE INDEX covers_office ON covers (agency, ends_at) WHERE ended_at IS NULL",
    """CREATE TABLE hand_overs (
         id uuid PRIMARY KEY, version integer NOT NULL, agency text NOT NULL, scope text NOT NULL, worker text NOT NULL,
         to_workers jsonb NOT NULL, stages jsonb NOT NULL, risks jsonb NOT NULL, area text NOT NULL,
         reason text NOT NULL, read_until timestamptz NOT NULL, state text NOT NULL, moved integer NOT NULL,
         tries integer NOT NULL, asked_by text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
         finished_at timestamptz)""",
    "CREATE UNIQUE INDEX hand_overs_running ON hand_overs (agency, worker) WHERE state = 'running'",
    "CREATE INDEX hand_overs_office ON hand_overs (agency, id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
