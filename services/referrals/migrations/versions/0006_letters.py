"""Letters, their numbers and signatories."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
