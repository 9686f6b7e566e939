"""The tiers that decide change requests, as data: kelurahan, kecamatan, Dinsos unless an area has its own.

Somebody decides for the tier in which the depth of his own area lies, so nobody decides twice about one request. A
request begins at the first tier that is not below whoever proposes it.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy import delete, select

from services.registry.codes import depth, enclosing
from services.registry.commands import Request
from services.registry.people_models import RequestTier
from sinergi.auth import Actor, permit
from sinergi.db import Tx


async def tiers_of(area: str, tx: Tx) -> list[RequestTier]:
    """The tiers of an area in order: those of the smallest area around it that has any."""
    rows = select(RequestTier).where(RequestTier.area.in_(enclosing(area))).order_by(RequestTier.place)
    found = (await tx.session.scalars(rows)).all()
    nearest = max((tier.area for tier in found), key=len, default="")
    return [tier for tier in found if tier.area == nearest]


def first_for(tiers: Sequence[RequestTier], area: str) -> RequestTier:
    """Where a request begins that somebody of this area proposes."""
    return next((tier for tier in tiers if tier.depth_least <= depth(area)), tiers[-1])


class Tier(Request):
    """One tier: who has an area of this depth decides (0 everything … 4 kelurahan)."""

    name: str = Field(pattern="^[a-z][a-z-]{2,30}$")
    depth_least: int = Field(ge=0, le=4)
    depth_most: int = Field(ge=0, le=4)

    @model_validator(mode="after")
    def _in_order(self) -> "Tier":
        if self.depth_least > self.depth_most:
            raise ValueError("depth_least is not more than depth_most")
        return self


class SetTiers(Request):
    """The tiers of an area from now on, lowest first; requests that are open go on from where they stand."""

    area: str = Field(pattern=r"^([0-9]{2}(\.[0-9]+){0,3})?$")
    tiers: list[Tier] = Field(min_length=1, max_length=6)


@permit("request.tiers")
async def set_tiers(cmd: SetTiers, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Replace an area's tiers; those that hold everywhere are changed by whoever is responsible for everything."""
    actor.within(area=cmd.area)
    await tx.session.execute(delete(RequestTier).where(RequestTier.area == cmd.area))
    rows = enumerate(cmd.tiers, 1)
    tx.add(*(RequestTier(area=cmd.area, place=place, **tier.model_dump()) for place, tier in rows))
    return {"area": cmd.area, "tiers": [tier.name for tier in cmd.tiers]}
