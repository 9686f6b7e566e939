"""Tasks as things of their own, alarms, and who else may look into a case."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
