"""People and households entered by hand, for the tests."""

from datetime import date
from itertools import count
from typing import Any
from uuid import uuid4

from tests.harness.stack import Running
from tests.registry.lists import TEBET_TIMUR, someone

PURPOSE = "verifikasi lapangan"
HEAD = "KEPALA KELUARGA"
_houses, _days = count(1), count(1)


def fields_of(**fields: Any) -> dict[str, Any]:
    """The fields of somebody whom nobody resembles; None leaves one out."""
    one = someone(name=new_name(), born=new_day())
    made = {"nik": one.nik, "name": one.name, "birth_date": one.born.isoformat(), "sex": one.sex, "area": one.area}
    return {name: value for name, value in (made | fields).items() if value is not None}


async def post(registry: Running, path: str, body: dict[str, Any], role: str = "operator", **who: Any) -> Any:
    """The answer to a POST, signed in as this role."""
    async with registry.client(role, **who) as client:
        return await client.post(path, json=body)


async def get(registry: Running, path: str, role: str = "operator", area: str = "31.74", **params: Any) -> Any:
    """The body of the answer to a GET."""
    async with registry.client(role, area=area) as client:
        answer = await client.get(path, params={"purpose": PURPOSE} | params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def slug(answer: Any) -> str:
    """The refusal's slug."""
    return str(answer.json()["type"]).rsplit(":", 1)[-1]


async def enter(registry: Running, **fields: Any) -> str:
    """Enter somebody; the person's id."""
    answer = await post(registry, "/persons", fields_of(**fields), area="*")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def person(registry: Running, person_id: str) -> dict[str, Any]:
    """The person, opened."""
    found: dict[str, Any] = await get(registry, f"/persons/{person_id}", area="*")
    return found


async def household(registry: Running, household_id: str) -> dict[str, Any]:
    """The household, opened."""
    found: dict[str, Any] = await get(registry, f"/households/{household_id}", area="*")
    return found


def new_name() -> str:
    """A name like no other: two words of letters."""
    letters = uuid4().hex.translate(str.maketrans("0123456789abcdef", "bdfghjklmnaeioux"))
    return f"{letters[:8]} {letters[8:16]}".title()


def new_day() -> date:
    """A birth date that nobody else here has, and that is no date when day and month are swapped."""
    number = next(_days)
    return date(1950 + number // 180 % 50, number // 15 % 12 + 1, 13 + number % 15)


def new_kk() -> str:
    """A No. KK that nobody has."""
    return f"3174019912{next(_houses):06}"


async def family(
    registry: Running, *relations: str, kk: str | None = None, area: str = TEBET_TIMUR
) -> tuple[str, list[str]]:
    """A household with these members: its id, and theirs."""
    number = kk or new_kk()
    members = [
        await enter(registry, kk=number, relation=one, area=area, address="Jl. Contoh No. 1") for one in relations
    ]
    return str((await person(registry, members[0]))["household_id"]), members
