"""Follow-ups, reopening, the case as known on a date."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: the tables whose rows are kept as they once were -> what is left out of them (versions.py)
_KEPT = {
    "assessments": "",
    "plans": "",
    "goals": "",
    "steps": "",
    "tasks": "",
    "follow_ups": "",
    "closures": "",
    "placements": "",
    "history": "",
    "notes": " - 'text' - 'sealed'",
    "visits": " - 'place' - 'people' - 'findings'",
}

TABLES: tuple[str, ...] = (
    "ALTER TABLE cases ADD follow_up_done_at timestamptz, ADD former_case_id uuid REFERENCES cases",
    # serves the opening of a new case: the last one of the same client that was closed
    "CREATE INDEX cases_former ON cases (client_kind, client_id, closed_at) WHERE closed_at IS NOT NULL",
    """CREATE TABLE closures (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, state text NOT NULL, reason text NOT NULL,
         asked_from text NOT NULL, outcomes jsonb NOT NULL, client_view text, not_asked text, explanation text,
         happened_on date, requested_by text NOT NULL, requested_at timestamptz NOT NULL DEFAULT now(), comment text,
         decided_by text, decided_at timestamptz, reopened_at timestamptz)""",
    # serves the page of a case; its last row is the one that counts
    "CREATE INDEX closures_case ON closures (case_id, id)",
    # serves the worker's year: what was closed in it
    "CREATE INDEX closures_of_worker ON closures (requested_by, decided_at) WHERE decided_at IS NOT NULL",
    # what was asked for before there was this table; from where is not known: the furthest that it can have been
    """INSERT INTO closures (id, case_id, state, reason, asked_from, outcomes, client_view, requested_by, requested_at,
                             decided_by, decided_at)
       SELECT gen_random_uuid(), c.id, CASE WHEN c.closed_at IS NULL THEN 'requested' ELSE 'approved' END,
              coalesce(c.closure_reason, 'other'),
              CASE WHEN EXISTS (SELECT FROM plans AS p WHERE p.case_id = c.id AND p.state = 'approved')
                   THEN 'intervensi' ELSE 'asesmen' END,
              coalesce((SELECT jsonb_object_agg(g.key, jsonb_build_object('outcome', g.outcome, 'evidence', ''))
                        FROM goals AS g WHERE g.case_id = c.id AND g.outcome IS NOT NULL), '{}'),
              c.client_view, c.worker,
              coalesce((SELECT max(h.at) FROM history AS h WHERE h.case_id = c.id AND h.what = 'request_closure'),
                       c.closed_at, now()),
              CASE WHEN c.closed_at IS NOT NULL THEN c.supervisor END, c.closed_at
       FROM cases AS c WHERE c.stage IN ('terminasi', 'pembinaan_lanjut')""",
    """CREATE TABLE reopenings (
         id uuid PRIMARY KEY, case_id uuid NOT NULL REFERENCES cases, closure_id uuid NOT NULL REFERENCES closures,
         state text NOT NULL, reason text NOT NULL, note text NOT NULL, requested_by text NOT NULL,
         requested_at timestamptz NOT NULL DEFAULT now(), comment text, decided_by text, decided_at timestamptz)""",
    # serves the page of a case
    "CREATE INDEX reopenings_case ON reopenings (case_id, id)",
    # one at a time
    "CREATE UNIQUE INDEX reopenings_one_asked ON reopenings (case_id) WHERE state = 'requested'",
    """ALTER TABLE follow_ups
         ADD version integer NOT NULL DEFAULT 0, ADD state text NOT NULL DEFAULT 'due',
         ADD attempt integer NOT NULL DEFAULT 1, ADD task_id uuid, ADD seen_how text, ADD situation text,
         ADD needs jsonb NOT NULL DEFAULT '[]', ADD note text, ADD reason text, ADD recorded_by text""",
    "UPDATE follow_ups SET state = 'done' WHERE done_at IS NOT NULL",
    # those that were due before are tasks too from now on
    "UPDATE follow_ups SET task_id = gen_random_uuid() WHERE state = 'due'",
    """INSERT INTO tasks (id, version, case_id, agency, area, worker, kind, reason, note, due_on)
       SELECT f.task_id, 0, c.id, c.agency, c.area, c.worker, 'follow-up', 'attempt-1', '', f.due_on
       FROM follow_ups AS f JOIN cases AS c ON c.id = f.case_id WHERE f.task_id IS NOT NULL""",
    """INSERT INTO alarms (id, kind, about, due_at)
       SELECT gen_random_uuid(), 'task.overdue', task_id, CAST(due_on + 1 AS timestamp) AT TIME ZONE 'Asia/Jakarta'
       FROM follow_ups WHERE task_id IS NOT NULL""",
    """ALTER TABLE follow_ups ALTER version DROP DEFAULT, ALTER state DROP DEFAULT, ALTER attempt DROP DEFAULT,
         ALTER needs DROP DEFAULT""",
    # each serves the worker's year
    "CREATE INDEX follow_ups_of_worker ON follow_ups (recorded_by, done_at) WHERE done_at IS NOT NULL",
    "CREATE INDEX history_of_actor ON history (actor, at)",
    "CREATE INDEX assessments_of_worker ON assessments (assessed_by, at)",
    "CREATE INDEX visits_of_worker ON visits (recorded_by, at) WHERE recorded_by IS NOT NULL",
    """CREATE TABLE versions (
         id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, case_id uuid NOT NULL, kind text NOT NULL,
         row_id uuid NOT NULL, at timestamptz NOT NULL, content jsonb)""",
    # what is there now is the first that is kept: of the time before, nothing is known
    """INSERT INTO versions (case_id, kind, row_id, at, content)
       SELECT id, 'cases', id, now(), to_jsonb(cases) FROM cases""",
    *(
        f"INSERT INTO versions (case_id, kind, row_id, at, content) "
        f"SELECT case_id, '{name}', id, now(), to_jsonb({name}){without} FROM {name} WHERE case_id IS NOT NULL"
        for name, without in _KEPT.items()
    ),
    # serves the case as known at a time: of each row the last version before it
    "CREATE INDEX versions_as_known ON versions (case_id, kind, row_id, at, id)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
