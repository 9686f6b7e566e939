"""The built-in issuer: tokens that the services accept, and no guessing."""

from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet

from services.console.issuer import ensure_key
from services.console.models import User
from services.console.sign_in import TRIES
from tests.console.conftest import PASSWORD, QUICK, System


def form(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"grant_type": "password", "username": username, "password": password}


async def new_user(system: System) -> str:
    name = f"user-{uuid4().hex[:8]}"
    kept = QUICK.hash(PASSWORD)
    async with system.console.db.begin() as tx:
        tx.add(
            User(
                sub=name,
                username=name,
                password_hash=kept,
                name="Uji",
                role="desk_officer",
                agency="bptsp",
                area="31.74",
            )
        )
    return name


async def test_the_keys_are_found_by_discovery_and_hold_no_private_part(system: System) -> None:
    async with system.browser() as browser:
        document = (await browser.get("/.well-known/openid-configuration")).json()
        assert document["issuer"] == system.urls["console"]
        keys = (await browser.get(document["jwks_uri"])).json()["keys"]
    assert keys
    assert all("d" not in key and key["crv"] == "Ed25519" for key in keys)


async def test_a_token_says_who_the_user_is_for_at_most_an_hour(system: System) -> None:
    async with system.browser() as browser:
        answer = (await browser.post("/oauth/token", data=form("bptsp"))).json()
        keys = KeySet.import_key_set((await browser.get("/jwks.json")).json())
    claims = jwt.decode(answer["access_token"], keys, algorithms=["Ed25519"]).claims
    assert (claims["sub"], claims["aud"]) == ("sub-bptsp", "sinergi")
    assert (claims["sinergi_role"], claims["sinergi_agency"]) == ("desk_officer", "bptsp")
    assert 900 <= claims["exp"] - claims["iat"] == answer["expires_in"] <= 3600
    assert "Pengguna" not in str(claims)


async def test_a_token_opens_the_services(system: System) -> None:
    async with system.api("notify", "bptsp") as api:
        assert (await api.get("/inbox")).status_code == 200
    async with system.api("referrals", "auditor") as api:
        assert (await api.get("/referrals")).status_code == 403


async def test_a_wrong_password_and_an_unknown_name_are_refused_in_the_same_words(system: System) -> None:
    async with system.browser() as browser:
        wrong = await browser.post("/oauth/token", data=form(await new_user(system), "wrong"))
        unknown = await browser.post("/oauth/token", data=form(uuid4().hex, "wrong"))
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_after_five_wrong_tries_even_the_right_password_must_wait(system: System) -> None:
    name = await new_user(system)
    async with system.browser() as browser:
        for _ in range(TRIES):
            assert (await browser.post("/oauth/token", data=form(name, "wrong"))).status_code == 401
        answer = await browser.post("/oauth/token", data=form(name))
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:sinergi:problem:too-many-tries")


async def test_signing_in_forgets_the_wrong_tries_before_it(system: System) -> None:
    name = await new_user(system)
    async with system.browser() as browser:
        for _ in range(2):
            for _ in range(TRIES - 1):
                assert (await browser.post("/oauth/token", data=form(name, "wrong"))).status_code == 401
            assert (await browser.post("/oauth/token", data=form(name))).status_code == 200


async def test_other_grants_are_refused(system: System) -> None:
    async with system.browser() as browser:
        asked = form("bptsp") | {"grant_type": "client_credentials"}
        assert (await browser.post("/oauth/token", data=asked)).status_code == 422


async def test_a_second_start_keeps_the_signing_key(system: System) -> None:
    async with system.browser() as browser:
        before = (await browser.get("/jwks.json")).json()
        await ensure_key(system.console.db)
        assert (await browser.get("/jwks.json")).json() == before
