"""The console's HTTP doors: the built-in issuer, and the pages."""

from typing import Annotated, Any

from fastapi import APIRouter, Form

from services.console import (
    area_pages,
    assessment_pages,
    case_pages,
    caseload_pages,
    closure_pages,
    directory_pages,
    intake_pages,
    letter_pages,
    notes_pages,
    pages,
    pathway_pages,
    placement_pages,
    plan_pages,
    rakor_pages,
    registry_pages,
    request_pages,
    review_pages,
    transfer_pages,
    webhook_pages,
)
from services.console.issuer import ALGORITHM, issue, public_keys
from services.console.settings import ConsoleSettings
from services.console.sign_in import authenticate
from sinergi.app import Ctx
from sinergi.problems import Refused

router = APIRouter()


@router.get("/.well-known/openid-configuration")
async def discovery(context: Ctx) -> dict[str, Any]:
    """Where the issuer's keys and tokens are."""
    issuer = context.settings.issuer.rstrip("/")
    return {
        "issuer": context.settings.issuer,
        "jwks_uri": f"{issuer}/jwks.json",
        "token_endpoint": f"{issuer}/oauth/token",
        "grant_types_supported": ["password"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }


@router.get("/jwks.json")
async def jwks(context: Ctx) -> dict[str, Any]:
    """The keys by which tokens are checked."""
    async with context.db.begin() as tx:
        return await public_keys(tx)


@router.post("/oauth/token")
async def token(
    context: Ctx,
    grant_type: Annotated[str, Form()],
    username: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
) -> dict[str, Any]:
    """A token for a name and a password."""
    if grant_type != "password":
        raise Refused("grant-type-not-supported", "Only grant_type=password is supported.")
    settings = context.settings
    assert isinstance(settings, ConsoleSettings)
    user = await authenticate(context.db, username, password)
    async with context.db.begin() as tx:
        issued = await issue(tx, user, settings)
    return {"access_token": issued.value, "token_type": "Bearer", "expires_in": settings.token_seconds}


router.include_router(letter_pages.router)
router.include_router(pages.streams)
router.include_router(pages.router)
router.include_router(pathway_pages.router)
router.include_router(case_pages.router)
router.include_router(assessment_pages.router)
router.include_router(notes_pages.router)
router.include_router(placement_pages.router)
router.include_router(intake_pages.router)
router.include_router(transfer_pages.router)
router.include_router(rakor_pages.router)
router.include_router(closure_pages.router)
router.include_router(caseload_pages.router)
router.include_router(plan_pages.router)
router.include_router(registry_pages.streams)
router.include_router(registry_pages.router)
router.include_router(area_pages.router)
router.include_router(directory_pages.router)
router.include_router(request_pages.router)
router.include_router(review_pages.router)
router.include_router(webhook_pages.router)
