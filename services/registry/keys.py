"""The search keys of a person: what `persons.keys` holds, for one GIN index that serves the search and the blocking.

For each word of the name there are two keys: the word in the person's kecamatan, and the word in the year of birth.
So a common word is looked for only where, or among those of the age, that the query names; and two words, or a word
with both its keys, are one intersection inside the index. A key is the lower 63 bits of an MD5, which Python, DuckDB
and PostgreSQL all compute; two texts in one key cost nothing, because whoever finds candidates compares their names.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import md5

#: the length of a kecamatan's code, PP.KK.CC
DISTRICT = 8
#: the year under which people without a birth date are found
NO_YEAR = 0

#: each search reads all keys that still wait for their place in the index: with the 4 MB of them that PostgreSQL lets
#: wait, and that a batch of a list brings, it took six times as long. Said in a transaction that brings many keys
KEEP_SHORT = "SET LOCAL gin_pending_list_limit = '64kB'"
#: after a bulk load: those that wait get their place
SETTLE = "SELECT gin_clean_pending_list('persons_keys')"

#: `keys_of` in DuckDB, a format of three expressions: the name key (VARCHAR), the birth date (DATE) and the area
DUCKDB_KEYS = """coalesce(flatten(list_transform(
    list_distinct(list_filter(string_split({name_key}, ' '), lambda word: length(word) > 1)),
    lambda word: [(md5_number_lower(left({area}, 8) || ' ' || word) & 9223372036854775807)::BIGINT,
                  (md5_number_lower(coalesce(year({birth_date}), 0) || ' ' || word) & 9223372036854775807)::BIGINT])),
    []::BIGINT[])"""

_LOWER_63_BITS = 2**63 - 1


def keys_of(name_key: str, birth_date: date | None, area: str) -> list[int]:
    """What `persons.keys` holds: for each word of the name its key in the kecamatan, and in the year of birth."""
    words, year = words_of(name_key), birth_date.year if birth_date else NO_YEAR
    return [key for word in words for key in (area_key(area, word), year_key(year, word))]


def words_of(name_key: str) -> list[str]:
    """The words of a name that have keys: each once, no single letters."""
    return list(dict.fromkeys(word for word in name_key.split() if len(word) > 1))


def area_key(area: str, word: str) -> int:
    """The key of a word in the kecamatan of this wilayah code."""
    return _hash(f"{area[:DISTRICT]} {word}")


def year_key(year: int, word: str) -> int:
    """The key of a word in a year of birth (`NO_YEAR`: unknown)."""
    return _hash(f"{year} {word}")


def area_keys(areas: Iterable[str], words: Sequence[str]) -> list[int]:
    """The keys of any of the words in any of the kecamatan."""
    return [area_key(area, word) for area in areas for word in words]


def year_keys(year: int, words: Sequence[str]) -> list[int]:
    """The keys of any of the words in that year of birth, one year beside it, or none."""
    return [year_key(one, word) for one in (year - 1, year, year + 1, NO_YEAR) for word in words]


def _hash(text: str) -> int:
    return int.from_bytes(md5(text.encode(), usedforsecurity=False).digest()[8:], "little") & _LOWER_63_BITS
