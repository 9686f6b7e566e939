"""What is wrong or doubtful in the data of an area: each finding with its sentence and its query, as data.

A query stands behind `area_sql.KELURAHAN` and gives one column `subject`: the id of a person, a household or a review.
"""

from dataclasses import dataclass
from typing import Literal

#: people per KK in the nation (DOMAIN.md: the seed's list had 7.07)
NATION_PEOPLE_PER_KK = 3.04
CROWDED = 10
OLDEST = 110
YOUNGEST_HEAD = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of finding. `kind` says what its subjects are; `area`: kelurahan codes, counted outside SQL."""

    code: str
    kind: Literal["person", "household", "review", "area"]
    indonesian: str
    english: str
    sql: str


def _warning(name: str) -> str:
    """People of whom a newest record carries a warning of the import."""
    return f"SELECT DISTINCT person AS subject FROM newest WHERE '{name}' = ANY (warnings)"


_SHARED = """SELECT p.id AS subject FROM people p WHERE p.nik IS NOT NULL AND (
  EXISTS (SELECT FROM persons q WHERE q.nik = p.nik AND q.nik IS NOT NULL AND q.unmatched AND q.id <> p.id
          AND q.state = 'active')
  OR p.unmatched AND EXISTS (SELECT FROM persons q WHERE q.nik = p.nik AND q.nik IS NOT NULL AND NOT q.unmatched
          AND q.id <> p.id AND q.state = 'active'))"""

_FINDINGS = (
    Finding(
        *("crowded-household", "household", f"KK berisi lebih dari {CROWDED} orang"),
        f"Household of more than {CROWDED} people",
        f"""SELECT household_id AS subject FROM people WHERE household_id IS NOT NULL
            GROUP BY household_id HAVING count(*) > {CROWDED}""",
    ),
    Finding(
        *("nik-missing", "person", "Orang tanpa NIK", "Person without a NIK"),
        "SELECT id AS subject FROM people WHERE nik IS NULL",
    ),
    Finding(*("nik-shared", "person", "NIK dipakai lebih dari satu orang", "NIK of more than one person"), _SHARED),
    Finding(
        *("nik-disagrees-with-birth-date", "person", "NIK tidak sesuai tanggal lahir"),
        *("NIK disagrees with the birth date", _warning("nik-disagrees-with-birth-date")),
    ),
    Finding(
        *("nik-disagrees-with-sex", "person", "NIK tidak sesuai jenis kelamin"),
        *("NIK disagrees with the sex", _warning("nik-disagrees-with-sex")),
    ),
    Finding(
        *("kk-not-16-digits", "person", "Nomor KK bukan 16 angka", "No. KK has not 16 digits"),
        _warning("kk-not-16-digits"),
    ),
    Finding(
        *("kk-missing", "person", "Orang tanpa nomor KK", "Person without a No. KK"),
        "SELECT id AS subject FROM people WHERE kk IS NULL",
    ),
    Finding(
        *("age-impossible", "person", f"Umur di atas {OLDEST} tahun", f"Older than {OLDEST} years"),
        f"SELECT id AS subject FROM people WHERE birth_date < current_date - interval '{OLDEST} years'",
    ),
    Finding(
        *("birth-date-missing", "person", "Tanpa tanggal lahir", "Without a birth date"),
        "SELECT id AS subject FROM people WHERE birth_date IS NULL",
    ),
    Finding(
        *("head-too-young", "person", f"Kepala keluarga di bawah {YOUNGEST_HEAD} tahun"),
        f"Head of family younger than {YOUNGEST_HEAD}",
        f"""SELECT id AS subject FROM people
            WHERE is_head AND birth_date > current_date - interval '{YOUNGEST_HEAD} years'""",
    ),
    Finding(
        *("household-without-head", "household", "KK tanpa kepala keluarga", "Household without a head"),
        """SELECT household_id AS subject FROM people WHERE household_id IS NOT NULL
           GROUP BY household_id HAVING NOT bool_or(is_head)""",
    ),
    Finding(
        *("household-with-two-heads", "household", "KK dengan lebih dari satu kepala keluarga"),
        "Household with more than one head",
        """SELECT household_id AS subject FROM people WHERE household_id IS NOT NULL
           GROUP BY household_id HAVING count(*) FILTER (WHERE is_head) > 1""",
    ),
    Finding(
        *("desil-stale", "person", "Desil lebih tua dari dua periode", "Desil older than two periods"),
        r"""SELECT id AS subject FROM people WHERE desil IS NOT NULL
            AND desil_period ~ '^[0-9]{4}-Q[1-4]$' AND desil_period < CAST(:stale AS text)""",
    ),
    Finding(
        *("desil-without-period", "person", "Desil tanpa periode", "Desil without a period"),
        r"""SELECT id AS subject FROM people WHERE desil IS NOT NULL
            AND desil_period ~ '^[0-9]{4}-Q[1-4]$' IS NOT TRUE""",
    ),
    Finding(
        *("duplicates-waiting", "review", "Pasangan ganda menunggu keputusan", "Likely duplicates wait for a verdict"),
        "SELECT r.id AS subject FROM reviews r JOIN people p ON p.id = r.low_id WHERE r.state = 'open'",
    ),
    Finding(*("area-gap", "area", "Kelurahan tanpa seorang pun", "Kelurahan without anybody"), ""),
)

FINDINGS = {one.code: one for one in _FINDINGS}

#: dimension, key, number: the findings' rows of `area_counts`
COUNTS = "\n".join(
    f"UNION ALL SELECT 'finding', '{one.code}', count(*) FROM ({one.sql}) found" for one in _FINDINGS if one.sql
)
