"""The vocabulary of all names, `name_words`: which known words a written word may mean.

A word is found by itself with one letter left out, so any one slip (a letter too many, too few, another one, or two
changed places) is one lookup in an index, however many words there are. Words are only ever added.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from rapidfuzz.distance import OSA

#: so many words at most for one written word
MOST = 60
#: a word of so many letters may be two
_TWO_WORDS = 7

#: `near(word)` in PostgreSQL: the word, and the word with one letter left out, for each letter
_NEAR = "array(SELECT DISTINCT overlay(word PLACING '' FROM at FOR 1) FROM generate_series(1, length(word)) at) || word"

#: adds the words in $1 (text[]) that are not known yet
LEARN_WORDS = f"""
    INSERT INTO name_words (word, near) SELECT word, {_NEAR}
    FROM (SELECT DISTINCT unnest($1::text[]) AS word ORDER BY 1) AS new
    WHERE length(word) > 1 ON CONFLICT DO NOTHING"""  # in one order, so that two imports cannot wait for each other

#: the same for the names of all persons, after a bulk load
LEARN_ALL_WORDS = f"""
    INSERT INTO name_words (word, near) SELECT word, {_NEAR}
    FROM (SELECT DISTINCT unnest(string_to_array(name_key, ' ')) AS word FROM persons ORDER BY 1) AS new
    WHERE length(word) > 1 ON CONFLICT DO NOTHING"""

_LIKE = """
    SELECT word FROM name_words WHERE near && $1::text[]
    UNION SELECT known.word FROM unnest($2::text[]) AS asked, LATERAL (
        SELECT word FROM name_words WHERE word > asked AND word < asked || 'a' ORDER BY word LIMIT 30) AS known
    ORDER BY word"""


async def learn(connection: "asyncpg.Connection[Any]", name_keys: Iterable[str]) -> None:
    """Add the words of these names: whoever writes a person's `keys` also calls this."""
    await connection.execute(LEARN_WORDS, sorted({word for name in name_keys for word in name.split()}))


def near(word: str) -> set[str]:
    """The word, and the word with one letter left out, for each letter."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


async def expand(connection: "asyncpg.Connection[Any]", words: Sequence[str]) -> dict[str, list[str]]:
    """For each word the known words that it may mean, itself first.

    Those are words with one slip; where nobody is called so, also words that begin so.
    """
    keys = {key for word in words for key in near(word)}
    rows = await connection.fetch(_LIKE, list(keys), [word for word in words if len(word) > 2])
    known = [row["word"] for row in rows]
    return {word: _meant(word, known) for word in words}


async def pieces(connection: "asyncpg.Connection[Any]", words: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """For long words that may be two without the space between: known words that begin so, and that end so."""
    long = [word for word in words if len(word) >= _TWO_WORDS]
    parts = {part for word in long for at in _cuts(word) for part in (word[:at], word[at:])}
    if not parts:
        return []
    rows = await connection.fetch("SELECT word FROM name_words WHERE word = ANY ($1::text[])", list(parts))
    known = {row["word"] for row in rows}
    return [both for word in long if all(both := _pieces(word, known))]


def _cuts(word: str) -> range:
    return range(3, len(word) - 2)


def _pieces(word: str, known: set[str]) -> tuple[list[str], list[str]]:
    cuts = _cuts(word)
    return [word[:at] for at in cuts if word[:at] in known], [word[at:] for at in cuts if word[at:] in known]


def _meant(word: str, known: Sequence[str]) -> list[str]:
    slips = [one for one in known if one != word and OSA.distance(word, one, score_cutoff=1) <= 1]
    longer = [] if word in known else [one for one in known if one.startswith(word) and one not in slips]
    return [word, *slips, *longer][:MOST]
