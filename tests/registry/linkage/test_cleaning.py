"""Names and streets are cleaned by rules that Python and DuckDB read alike."""

from collections.abc import Iterator
from itertools import islice
from random import Random

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registry import cleaning
from services.registry.cleaning import name_key, street_key
from services.registry.linkage.keys import macros
from sinergi_operator.samples.mistakes import make_mistakes
from sinergi_operator.samples.people import Population
from sinergi_operator.samples.places import load_area

NAMES = [
    ("Budi Santoso", "BUDI SANTOSO"),
    ("  budi   santoso ", "BUDI SANTOSO"),
    ("H. Moh. Soerjono, S.Pd", "MUHAMMAD SURYONO"),
    ("Drs. H. Abd. Rahman, S.H., M.Kn.", "ABDUL RAHMAN"),
    ("BUDI S.PD", "BUDI"),
    ("BUDI SPD", "BUDI SPD"),
    ("Rahmat, S Pd I", "RAHMAT"),
    ("Prof. Dr. Ir. Siti Aminah", "SITI AMINAH"),
    ("St. Aminah", "SITI AMINAH"),
    ("M. Yusuf", "MUHAMMAD YUSUF"),
    ("Mohammad Yusuf", "MUHAMMAD YUSUF"),
    ("Joesoef Djojohadikoesoemo", "YUSUF JOYOHADIKUSUMO"),
    ("Tjahjono", "CAHYONO"),
    ("Njoman Sjarif", "NYOMAN SYARIF"),
    ("Panji Anjani", "PANJI ANJANI"),
    ("Nur'aini", "NURAINI"),
    ("Nur’aini", "NURAINI"),
    ("Karo-karo", "KARO KARO"),
    ("René André", "RENE ANDRE"),
    ("Zoë 李", "ZU"),
    ("Sukarno (alm)", "SUKARNO"),
    ("M", "M"),
    ("H.", "H"),
    ("...", ""),
    ("", ""),
    ("O", "O"),
]
STREETS = [
    ("Jl. Kemuning IV No. 12", "KEMUNING IV 12"),
    ("JALAN KEMUNING IV NO.012 RT 003/RW 004", "KEMUNING IV 12"),
    ("Gg. Salak I No 54A", "GANG SALAK I 54 A"),
    ("gang salak I 54 A Kel. Tebet Timur Kec. Tebet", "GANG SALAK I 54 A"),
    ("Kp. Melayu RT03 RW04", "KAMPUNG MELAYU"),
    ("Jl. H. Saidi No.7", "H SAIDI 7"),
    ("-", ""),
]
WORDS = [
    'H.', 'Hj.', 'Drs.', 'Moh.', 'M.', 'M', 'ST', 'St.', 'SITI', 'Abd.', 'OE', 'OEDJ', 'DJ', 'NJ', 'NJAI',
    'TJ', 'SJ', 'J', 'Y', 'BUDI', 'SANTOSO', ',', ',', '.', "'", '-', 'S.Pd', 'S.H.,', 'M.Kn', 'ALM', 'Jl.',
    'No.', 'No12', 'RT', '003', 'RW04', 'KEL', 'KEC', '012A', '\xe9', '\xdf', '\u0149', '\u0131', '\u017f',
    '\ufb01', '\u0130', '\u674e', '\u0301', '\n', '\t', '\x0b', '\x1c', '\xa0', '(alm)', 'MOEH', 'Achmad', '1',
    '0', '007',
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS)).map(" ".join), st.lists(st.sampled_from(WORDS)).map("".join), st.text()
)


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for macro in macros():
            connection.execute(macro)
        yield connection


@pytest.mark.parametrize(("name", "key"), NAMES)
def test_a_name_has_one_spelling_and_no_titles(name: str, key: str) -> None:
    assert name_key(name) == key


@pytest.mark.parametrize(("address", "key"), STREETS)
def test_a_street_has_one_spelling_and_no_rt_or_place(address: str, key: str) -> None:
    assert street_key(address) == key


def test_every_accented_letter_has_a_plain_one() -> None:
    assert len(cleaning.ACCENTED) == len(cleaning.PLAIN)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(TEXTS, min_size=5, max_size=20))
def test_python_and_sql_clean_alike(sql: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    """Many texts a query: DuckDB plans the long expressions for 70 ms, and cleans a text in no time."""
    texts = [text.replace("\x00", "") for text in texts]
    found = sql.execute(
        "SELECT coalesce(name_key(x), ''), coalesce(street_key(x), '') FROM (SELECT unnest(?::text[]) AS x)", [texts]
    )
    assert found.fetchall() == [(name_key(text), street_key(text)) for text in texts]


def test_python_and_sql_clean_generated_people_alike(sql: duckdb.DuckDBPyConnection) -> None:
    area, rng = load_area("31.74"), Random(7)
    texts = []
    for family in islice(Population(area, rng).households(), 1500):
        for person in family:
            make_mistakes(rng, area, person)
            texts.append((person.name, person.home.address))
    sql.execute("CREATE OR REPLACE TEMP TABLE texts (name TEXT, address TEXT)")
    sql.executemany("INSERT INTO texts VALUES (?, ?)", texts)
    found = sql.execute("SELECT coalesce(name_key(name), ''), coalesce(street_key(address), '') FROM texts").fetchall()
    assert found == [(name_key(name), street_key(address)) for name, address in texts]
