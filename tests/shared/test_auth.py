"""Tokens: only the issuer's own, in time, for us, naming a role of ours; keys change and the issuer goes away."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2 as httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import OKPKey, RSAKey
from oidc_provider_mock import User, run_server_in_thread  # type: ignore[import-untyped]

from sinergi import auth
from sinergi.auth import Actor, Verifier
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.settings import Settings
from tests.harness.issuer import Issuer


class Rotating(Issuer):
    """An issuer that changes its key, counts who asks for keys, and can answer nonsense."""

    def __init__(self) -> None:
        self.asked, self.nonsense = 0, False
        super().__init__()

    def rotate(self) -> None:
        """A new key; tokens of the old one are valid no more."""
        self.key = OKPKey.generate_key("Ed25519", {"kid": uuid4().hex, "use": "sig", "alg": "Ed25519"})

    def signed(self, **claims: object) -> str:
        """A token by the key of now."""
        return signed(self.key, self.claims(**claims))

    def claims(self, **other: object) -> dict[str, object]:
        """The usual claims."""
        body = self.token(**other).split(".")[1]
        usual: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=="))
        return usual

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        base: Any = super()._handler()
        issuer = self

        class Counting(base):  # type: ignore[misc]
            def do_GET(self) -> None:  # noqa: N802  # the name that http.server calls
                issuer.asked += self.path == "/jwks.json"
                if issuer.nonsense:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b"<html>maintenance</html>")
                else:
                    super().do_GET()

        return Counting


def signed(key: Any, claims: dict[str, object], **header: str) -> str:
    """A token by any key."""
    head = {"alg": "Ed25519", "kid": key.kid} | header
    return jwt.encode(head, claims, key, algorithms=[head["alg"]])


def by_hand(secret: bytes, claims: dict[str, object]) -> str:
    """An HS256 token as an attacker makes it: no library that knows better is asked."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims)
    )
    signature = base64.urlsafe_b64encode(hmac.digest(secret, head + b"." + body, "sha256")).rstrip(b"=")
    return b".".join((head, body, signature)).decode()


@pytest.fixture
def issuer_of_ours() -> Iterator[Rotating]:
    """An issuer for one test."""
    issuer = Rotating()
    yield issuer
    issuer.close()


@pytest.fixture
def verifier(issuer_of_ours: Rotating) -> Verifier:
    """What a service checks tokens with."""
    return Verifier(settings(issuer_of_ours.url))


def settings(issuer: str, **other: Any) -> Settings:
    """A service's settings for this issuer."""
    return Settings(database_url="postgresql://not-used", issuer=issuer, **other)


async def refusal(verifier: Verifier, token: str) -> tuple[str, str]:
    """Kind and slug with which the token is refused."""
    with pytest.raises(Refused) as no:
        await verifier.actor(token)
    return no.value.kind, no.value.slug


NOT_VALID = ("unauthenticated", "token-not-valid")


async def test_a_valid_token_names_its_actor(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    token = issuer_of_ours.signed(sub="u-1", sinergi_role="supervisor", sinergi_agency="dinsos", sinergi_area="31.74")
    assert await verifier.actor(token) == Actor("u-1", Role.SUPERVISOR, "dinsos", "31.74")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another-system"},
        {"aud": ["another-system", "and-another"]},
        {"aud": None},
        {"iss": "https://another-issuer.example"},
        {"iss": None},
        {"sub": None},
    ],
    # no clock in a test's name: every worker must collect the same names
    ids=["expired", "no exp", "exp no number", "not yet", "aud", "auds", "no aud", "iss", "no iss", "no sub"],
)
async def test_a_token_with_such_claims_is_not_valid(
    verifier: Verifier, issuer_of_ours: Rotating, claims: dict[str, object]
) -> None:
    assert await refusal(verifier, issuer_of_ours.signed(**claims)) == NOT_VALID


async def test_a_token_that_was_valid_expires(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    """Verified tokens are remembered; their expiry (here 30 s of clock skew later) is looked at each time."""
    token = issuer_of_ours.signed(exp=int(time.time()) - auth.CLOCK_SKEW_SECONDS + 2)
    await verifier.actor(token)
    await asyncio.sleep(3.1)
    assert await refusal(verifier, token) == NOT_VALID


async def test_a_token_for_several_audiences_is_valid_when_ours_is_one(
    verifier: Verifier, issuer_of_ours: Rotating
) -> None:
    assert (await verifier.actor(issuer_of_ours.signed(aud=["account", "sinergi"]))).role is Role.SOCIAL_WORKER


async def test_a_token_signed_by_another_key_is_not_valid(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    ours = issuer_of_ours.key.kid or ""
    stranger = OKPKey.generate_key("Ed25519", {"kid": ours})
    assert await refusal(verifier, signed(stranger, issuer_of_ours.claims())) == NOT_VALID


async def test_a_token_without_a_signature_is_not_valid(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    head, body, signature = issuer_of_ours.signed().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    for forged in (f"{none}.{body}.", f"{none}.{body}.{signature}", f"{head}.{body}.", f"{head}.{body}"):
        assert await refusal(verifier, forged) == NOT_VALID


async def test_a_token_signed_with_the_public_key_as_a_secret_is_not_valid() -> None:
    """The classic confusion: the server verifies HS256 with what it takes for an RSA public key."""
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    issuer = Rotating()
    issuer.key = rsa  # type: ignore[assignment]
    verifier = Verifier(settings(issuer.url))
    claims = {"iss": issuer.url, "aud": "sinergi", "sub": "x", "exp": int(time.time()) + 600}
    claims["sinergi_role"] = "supervisor"
    assert (await verifier.actor(signed(rsa, claims, alg="RS256"))).role is Role.SUPERVISOR
    for secret in (rsa.as_pem(private=False), json.dumps(rsa.as_dict(private=False)).encode()):
        assert await refusal(verifier, by_hand(secret, claims)) == NOT_VALID
    issuer.close()


async def test_a_key_inside_the_token_is_not_believed(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    stranger = OKPKey.generate_key("Ed25519", {"kid": "mine"})
    jwk: Any = stranger.as_dict(private=False)
    assert await refusal(verifier, signed(stranger, issuer_of_ours.claims(), jwk=jwk)) == NOT_VALID


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "..",
        "e30.e30.e30",
        base64.urlsafe_b64encode(b"[" * 40_000).decode() + ".e30.e30",
    ],
    ids=["empty", "word", "letters", "accents", "dots", "empty objects", "deep"],
)
async def test_what_is_no_token_is_not_valid(verifier: Verifier, token: str) -> None:
    assert await refusal(verifier, token) == NOT_VALID


async def test_a_token_whose_body_is_no_object_is_not_valid(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    key = issuer_of_ours.key
    token = jws.serialize_compact({"alg": "Ed25519", "kid": key.kid}, b'["no", "object"]', key, algorithms=["Ed25519"])
    assert await refusal(verifier, token) == NOT_VALID


@pytest.mark.parametrize("role", [None, "", "god", "agency", "service", ["supervisor"], {"a": 1}, 7], ids=str)
async def test_a_token_without_a_role_of_a_person_is_forbidden(
    verifier: Verifier, issuer_of_ours: Rotating, role: object
) -> None:
    assert await refusal(verifier, issuer_of_ours.signed(sinergi_role=role)) == ("forbidden", "no-role")


async def test_an_account_without_agency_and_area_covers_nothing(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    claims = issuer_of_ours.claims() | {"sinergi_agency": None, "sinergi_area": None}
    actor = await verifier.actor(signed(issuer_of_ours.key, claims))
    assert (actor.agency, actor.area) == ("", "")
    with pytest.raises(Refused):
        actor.within(area="31.74")


# ---------------------------------------------------------------------- keys


async def test_a_new_key_of_the_issuer_is_accepted(
    verifier: Verifier, issuer_of_ours: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REFETCH_SECONDS", 0.2)
    old = issuer_of_ours.signed()
    await verifier.actor(old)
    issuer_of_ours.rotate()
    await asyncio.sleep(0.25)
    await verifier.actor(issuer_of_ours.signed())
    assert issuer_of_ours.asked == 2
    assert await refusal(verifier, old) == NOT_VALID


async def test_keys_are_asked_for_once_however_many_wait(verifier: Verifier, issuer_of_ours: Rotating) -> None:
    token = issuer_of_ours.signed()
    await asyncio.gather(*(verifier.actor(token) for _ in range(50)))
    assert issuer_of_ours.asked == 1


async def test_a_flood_of_garbage_asks_the_issuer_once_in_a_window(
    verifier: Verifier, issuer_of_ours: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REFETCH_SECONDS", 0.5)
    stranger = OKPKey.generate_key("Ed25519", {"kid": "stranger"})
    garbage = [signed(stranger, issuer_of_ours.claims()), "no.token.atall"]
    await verifier.actor(issuer_of_ours.signed())
    for window in range(1, 3):
        await asyncio.sleep(0.55)
        await asyncio.gather(*(refusal(verifier, garbage[number % 2]) for number in range(100)))
        assert issuer_of_ours.asked == 1 + window


async def test_without_the_issuer_nobody_signs_in_and_everybody_is_told_why() -> None:
    verifier = Verifier(settings("http://127.0.0.1:9"))
    assert await refusal(verifier, "any.token.here") == ("unavailable", "issuer-unreachable")


async def test_as_soon_as_the_issuer_is_there_its_tokens_are_accepted(
    verifier: Verifier, issuer_of_ours: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FIRST_FETCH_SECONDS", 0.1)
    issuer_of_ours.nonsense = True
    assert await refusal(verifier, issuer_of_ours.signed()) == ("unavailable", "issuer-unreachable")
    issuer_of_ours.nonsense = False
    await asyncio.sleep(0.15)
    await verifier.actor(issuer_of_ours.signed())


async def test_while_the_issuer_is_away_its_known_keys_stay_in_use(
    verifier: Verifier, issuer_of_ours: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when somebody sends garbage meanwhile, which makes us look for new keys."""
    for window in ("REFETCH_SECONDS", "KEYS_LIVE_SECONDS"):
        monkeypatch.setattr(auth, window, 0.1)
    token = issuer_of_ours.signed()
    await verifier.actor(token)
    issuer_of_ours.nonsense = True
    await asyncio.sleep(0.15)
    assert await refusal(verifier, "no.token.atall") == NOT_VALID
    await asyncio.sleep(0.15)
    assert (await verifier.actor(token)).agency == "dinsos"


# ---------------------------------------------------- somebody else's issuer


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """An OIDC provider that knows nothing of us: PyPI's oidc-provider-mock."""
    claims = {"realm_role": "supervisor", "office": "dinsos", "wilayah": "31.74"}
    with run_server_in_thread(user_claims=[User(sub="u-77", claims=claims)]) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def id_token(provider: str) -> AsyncIterator[str]:
    """A token that it gives a client by the authorization code flow."""
    login = {
        "client_id": "console",
        "redirect_uri": "https://sinergi.example/back",
        "response_type": "code",
        "scope": "openid",
    }
    async with httpx.AsyncClient(base_url=provider) as client:
        sent = await client.post("/oauth2/authorize", params=login, data={"sub": "u-77"})
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": login["redirect_uri"]}
        answer = await client.post("/oauth2/token", data=form, auth=("console", "any"))
        yield answer.raise_for_status().json()["id_token"]


async def test_an_external_issuer_by_url_signs_in_with_its_own_claim_names(provider: str, id_token: str) -> None:
    mapped = settings(
        provider, audience="console", claim_role="realm_role", claim_agency="office", claim_area="wilayah"
    )
    assert await Verifier(mapped).actor(id_token) == Actor("u-77", Role.SUPERVISOR, "dinsos", "31.74")


async def test_an_external_issuers_token_for_another_client_is_not_valid(provider: str, id_token: str) -> None:
    assert await refusal(Verifier(settings(provider, claim_role="realm_role")), id_token) == NOT_VALID


async def test_an_external_issuers_keys_by_url_need_no_discovery(provider: str, id_token: str) -> None:
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{provider}/.well-known/openid-configuration")).json()
    known = settings(provider, audience="console", claim_role="realm_role", jwks_url=document["jwks_uri"])
    assert (await Verifier(known).actor(id_token)).id == "u-77"
