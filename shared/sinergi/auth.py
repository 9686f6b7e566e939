"""Who is asking: the actor, read from an OIDC token or from an agency's NATS account, and what it may do."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import httpx2 as httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sinergi.permissions import PERMISSIONS, Role
from sinergi.problems import Refused
from sinergi.settings import Settings

log = structlog.get_logger()

#: Signatures that we accept: asymmetric only, so that no shared secret and no `none` can sign a token.
ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "RS256", "PS256"]
CLOCK_SKEW_SECONDS = 30
KEYS_LIVE_SECONDS = 600.0
#: a token that the known keys do not verify may make us look for new keys, but not more often than this
REFETCH_SECONDS = 30.0
#: as long as no key is known at all, the issuer is asked again after this
FIRST_FETCH_SECONDS = 1.0
#: so many tokens' verified claims are remembered; when there are more, all are forgotten
REMEMBERED_AT_MOST = 1000

P = ParamSpec("P")
R = TypeVar("R")
X = TypeVar("X")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, for one agency in one area. `id` is the token's `sub`, an opaque id, never a name."""

    id: str
    role: Role
    agency: str
    area: str = ""

    def may(self, action: str) -> bool:
        """Whether the permission table lets this role try the action. What it does not hold is refused."""
        return self.role in PERMISSIONS.get(action, frozenset())

    def must(self, action: str) -> None:
        """Refuse unless the permission table lets this role try the action."""
        if not self.may(action):
            raise Refused("not-permitted", f"The role {self.role} may not do {action}.", "forbidden")

    def within(self, *, agencies: tuple[str, ...] | None = None, area: str | None = None) -> None:
        """Refuse unless the row belongs to one of these agencies and lies in the actor's area (code prefix)."""
        if self.role is Role.SERVICE:
            return
        if agencies is not None and self.agency not in agencies:
            raise Refused("not-your-agency", "This belongs to another agency.", "forbidden")
        if area is not None and not covers(self.area, area):
            raise Refused("outside-your-area", f"This lies outside your area {self.area}.", "forbidden")


def covers(scope: str, area: str) -> bool:
    """Whether an area lies in a scope. Codes are `PP.KK.CC.DDDD`; an empty scope covers nothing, `*` everything."""
    return scope == "*" or (bool(scope) and (area == scope or area.startswith(scope + ".")))


def service_actor(service: str) -> Actor:
    """The actor as which a service handles an event."""
    return Actor(id=f"service:{service}", role=Role.SERVICE, agency="core", area="*")


def agency_actor(agency: str) -> Actor:
    """The actor as which an agency's own system acts, known by its NATS account alone."""
    return Actor(id=f"agency:{agency}", role=Role.AGENCY, agency=agency, area="*")


class Permitted(Generic[X, P, R]):
    """A command or query with the action that the permission table must allow."""

    def __init__(self, action: str, function: Callable[Concatenate[X, Actor, P], Coroutine[Any, Any, R]]) -> None:
        self.action, self._function = action, function
        update_wrapper(self, function)

    async def __call__(self, what: X, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
        actor.must(self.action)
        return await self._function(what, actor, *args, **kwargs)


def permit(
    action: str,
) -> Callable[[Callable[Concatenate[X, Actor, P], Coroutine[Any, Any, R]]], Permitted[X, P, R]]:
    """Mark a command or query `f(what, actor, tx, …)` with its action; it runs only for roles that may."""

    def mark(function: Callable[Concatenate[X, Actor, P], Coroutine[Any, Any, R]]) -> "Permitted[X, P, R]":
        return Permitted(action, function)

    return mark


class Verifier:
    """Checks tokens against the issuer's keys; keys are fetched when first needed and kept for ten minutes.

    Keys that are known stay in use for as long as the issuer does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: KeySet | None = None
        self._verified: dict[bytes, tuple[KeySet, dict[str, Any]]] = {}
        self._asked = float("-inf")
        self._asking = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def actor(self, token: str) -> Actor:
        """The actor that a bearer token stands for; `Refused` when it is not valid or names no role of ours."""
        try:
            claims = await self._decode(token)
            self._claims.validate(claims)
        except (JoseError, ValueError, RecursionError) as wrong:
            raise Refused("token-not-valid", "Sign in again: the token is not valid.", "unauthenticated") from wrong
        return self._from_claims(claims)

    async def _decode(self, token: str) -> dict[str, Any]:
        """The claims, once the signature is verified: by the same keys a token is verified once, its expiry always."""
        keys, digest = await self._key_set(KEYS_LIVE_SECONDS), hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None or known[0] is not keys:
            if len(self._verified) >= REMEMBERED_AT_MOST:
                self._verified.clear()
            known = self._verified[digest] = (keys, await self._verify(token, keys))
        return known[1]

    async def _verify(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            newer = await self._key_set(REFETCH_SECONDS)  # the issuer may have new keys
            if newer is keys:
                raise
            return jwt.decode(token, newer, algorithms=ALGORITHMS).claims

    def _from_claims(self, claims: dict[str, Any]) -> Actor:
        settings = self._settings
        try:
            role = Role(claims[settings.claim_role])
        except (KeyError, ValueError) as wrong:
            raise Refused("no-role", "Your account has no role in Sinergi.", "forbidden") from wrong
        if role in (Role.AGENCY, Role.SERVICE):
            raise Refused("no-role", "This role is not given by a token.", "forbidden")
        agency, area = str(claims.get(settings.claim_agency) or ""), str(claims.get(settings.claim_area) or "")
        return Actor(id=str(claims["sub"]), role=role, agency=agency, area=area)

    async def _key_set(self, max_age: float) -> KeySet:
        """The issuer's keys, asked for at most so many seconds ago: once, however many requests wait for them."""
        async with self._asking:
            if time.monotonic() - self._asked > (max_age if self._keys else FIRST_FETCH_SECONDS):
                self._keys = await self._fetch() or self._keys
                self._asked = time.monotonic()
            if self._keys is None:
                raise Refused("issuer-unreachable", "The sign-in service does not answer. Try again.", "unavailable")
            return self._keys

    async def _fetch(self) -> KeySet | None:
        """The issuer's keys now, or None when it does not give them."""
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                url = self._settings.jwks_url or await self._discover(client)
                answer = await client.get(url)
                return KeySet.import_key_set(answer.raise_for_status().json())
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as wrong:
            log.warning("auth.issuer_unreachable", error=type(wrong).__name__)
            return None

    async def _discover(self, client: httpx.AsyncClient) -> str:
        url = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = (await client.get(url)).raise_for_status().json()
        return str(document["jwks_uri"])
