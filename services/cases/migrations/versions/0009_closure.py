"""Follow-ups, reopening, the case as known on a date."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
