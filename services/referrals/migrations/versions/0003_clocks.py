"""The clocks: alarms, notices, and what a referral's time is counted by.

Referrals that are open already get the alarm of the clock that runs for them, without a reminder; what is late rings at
once, and climbs from there in its own time.
"""

from alembic import op

from sinergi.db import SCHEMA_V2

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: (first rung at the due, when its clock runs, the due) as in clocks.json; a migration never follows the code
_RUNNING = (
    ("acknowledge.escalate1", "state = 'requested' AND acknowledge_due IS NOT NULL", "acknowledge_due"),
    (
        "decide.escalate1",
        "(state = 'received' OR (state = 'requested' AND acknowledge_due IS NULL)) AND decide_due IS NOT NULL",
        "decide_due",
    ),
    ("finish.overdue1", "state IN ('accepted', 'in_progress') AND finish_due IS NOT NULL", "finish_due"),
    (
        "review.remind",
        "state = 'on_hold' AND review_on IS NOT NULL",
        "(review_on + 1)::timestamp AT TIME ZONE 'Asia/Jakarta'",
    ),
    ("confirm.lapse", "state = 'cancel_requested'", "confirm_due"),
)

TABLES: tuple[str, ...] = (
    """ALTER TABLE referrals
         ADD COLUMN clock_area text, ADD COLUMN clock_terms jsonb, ADD COLUMN confirm_due timestamptz,
         ADD COLUMN paused jsonb, ADD COLUMN reminded_at timestamptz, ADD COLUMN overdue_since timestamptz,
         ADD COLUMN escalation integer NOT NULL DEFAULT 0""",
    # serve the lists of what is late, newest first
    "CREATE INDEX referrals_received_late ON referrals (receiver, id) WHERE overdue_since IS NOT NULL",
    "CREATE INDEX referrals_sent_late ON referrals (sender, id) WHERE overdue_since IS NOT NULL",
    """CREATE TABLE clock_notices (
         id uuid PRIMARY KEY, version integer NOT NULL, referral_id uuid NOT NULL REFERENCES referrals (id),
         at timestamptz NOT NULL, fact text NOT NULL, clock text NOT NULL, level integer NOT NULL, due timestamptz)""",
    # serves reading one referral: what its clock told, in order
    "CREATE INDEX clock_notices_referral ON clock_notices (referral_id, id)",
    # a request to cancel that is open already is answered within a week from now
    "UPDATE referrals SET confirm_due = now() + interval '7 days' WHERE state = 'cancel_requested'",
    # what is on hold goes on with the time that it had left when it was held
    """UPDATE referrals r SET finish_due = NULL, paused = jsonb_build_object('seconds',
         ceil(extract(epoch FROM r.finish_due - h.at))::bigint)
       FROM (SELECT referral_id, max(at) AS at FROM timeline WHERE fact = 'held' GROUP BY 1) AS h
       WHERE h.referral_id = r.id AND r.state = 'on_hold' AND r.finish_due > h.at""",
    *(
        f"""INSERT INTO alarms (id, kind, about, due_at)
              SELECT gen_random_uuid(), 'referral.{rung}', id, {due} FROM referrals WHERE {where}"""
        for rung, where, due in _RUNNING
    ),
)


def upgrade() -> None:
    for statement in (*SCHEMA_V2, *TABLES):
        op.execute(statement)
