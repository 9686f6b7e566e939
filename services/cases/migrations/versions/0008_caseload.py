"""Points, hand-overs, cover."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
