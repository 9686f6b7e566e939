"""Numbers are sealed: equal stays equal, nothing else shows, and only the key opens them."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.registry.seal import Seal, SealBroken
from sinergi.settings import ensure_key
from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import ministry_csv, ministry_row, someone

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
numbers = st.text("0123456789", min_size=1, max_size=16)


@given(numbers, numbers)
def test_equal_numbers_and_only_they_have_equal_seals(one: str, other: str) -> None:
    seal = Seal(KEY)
    assert (seal.nik.seal(one) == seal.nik.seal(other)) == (one == other)
    assert seal.nik.open(seal.nik.seal(one)) == one
    assert seal.nik.seal(one) != seal.kk.seal(one)


@given(st.lists(st.none() | numbers))
def test_many_are_sealed_as_one_by_one(many: list[str | None]) -> None:
    seal = Seal(KEY).nik
    sealed = seal.seal_many(many)
    assert sealed == [None if one is None else seal.seal(one) for one in many]
    assert seal.open_many(sealed) == many


@pytest.mark.parametrize("wrong", ["", "12345678901234567", "3174 01", "31740x", "３１"])
def test_what_is_no_number_of_16_digits_is_not_sealed(wrong: str) -> None:
    with pytest.raises(ValueError, match="1 to 16 digits"):
        Seal(KEY).nik.seal(wrong)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        Seal(OTHER).nik.open(Seal(KEY).nik.seal("3174012601900001"))
    page = Seal(KEY).page("[2, {}]", "list:2")
    assert Seal(KEY).open_page(page, "list:2") == "[2, {}]"
    for seal, name in ((Seal(OTHER), "list:2"), (Seal(KEY), "list:3")):
        with pytest.raises(SealBroken):
            seal.open_page(page, name)


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "seal"
    key = ensure_key(path)
    assert (len(key), ensure_key(path), stat.S_IMODE(path.stat().st_mode)) == (32, key, 0o600)
    path.write_text("short")
    with pytest.raises(ValueError, match="hexadecimal"):
        ensure_key(path)


async def test_the_database_holds_neither_a_nik_nor_a_kk(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    done = await hand_in(ministry_csv([ministry_row(one)]))
    everything = text(
        """SELECT string_agg(t, ' ') FROM (
             SELECT row_to_json(r)::text AS t FROM records r WHERE import_id = :id UNION ALL
             SELECT row_to_json(p)::text FROM persons p JOIN records r ON r.person_id = p.id WHERE import_id = :id
             UNION ALL SELECT encode(sealed, 'escape') FROM raw_pages WHERE import_id = :id
             UNION ALL SELECT row_to_json(h)::text FROM households h) AS all_of_it (t)"""
    )
    async with registry.context.db.begin() as tx:
        held = str(await tx.session.scalar(everything, {"id": done["id"]}))
    assert one.name.upper() in held
    for secret in (one.nik, one.kk):
        assert secret not in held
        assert secret.encode().hex() not in held
