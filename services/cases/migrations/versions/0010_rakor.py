"""Obstacles, meetings and what they decide."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
