"""Search keys and the vocabulary of names."""

import sqlalchemy as sa
from alembic import op

from services.registry.cleaning import name_key
from services.registry.keys import keys_of
from services.registry.search_words import LEARN_ALL_WORDS

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: people at once
BATCH = 10_000

TABLES: tuple[str, ...] = (
    # the order of bytes, so that words with one beginning stand together whatever the database's language is
    """CREATE TABLE name_words (word text COLLATE "C" PRIMARY KEY, near text[] NOT NULL)""",
    # serves the search: the known words that a written word may mean
    "CREATE INDEX name_words_near ON name_words USING gin (near)",
    # serves the search by name and the blocking (keys.SETTLE after a bulk load)
    "CREATE INDEX persons_keys ON persons USING gin (keys)",
    # serves the search for a group
    "CREATE INDEX groups_name ON groups USING gin (name gin_trgm_ops)",
    # serve the matching of a late list and the check at entry: born then, and the name begins or ends so (blocking.py)
    "CREATE INDEX persons_born_begins ON persons (birth_date, left(name_key, 2))",
    "CREATE INDEX persons_born_ends ON persons (birth_date, right(name_key, 2))",
)


def upgrade() -> None:
    _write_keys(op.get_bind())
    for statement in (*TABLES, LEARN_ALL_WORDS):
        op.execute(statement)


def _write_keys(connection: sa.Connection) -> None:
    """Of the people who are there: the name cleaned by today's rules, and the keys."""
    rows = connection.execute(sa.text("SELECT id, name, birth_date, area FROM persons")).all()
    update = sa.text("UPDATE persons SET name_key = :name_key, keys = :keys WHERE id = :id")
    for start in range(0, len(rows), BATCH):
        connection.execute(update, [_keys(row) for row in rows[start : start + BATCH]])


def _keys(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    key = name_key(row.name)
    return {"id": row.id, "name_key": key, "keys": keys_of(key, row.birth_date, row.area)}
