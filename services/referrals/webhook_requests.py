"""What the commands and questions about webhooks carry."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.referrals.codes import AgencyCode, Desk
from services.referrals.requests import Page
from sinergi.events import EVENTS, ReferralFact

#: the facts that a webhook may hear, by name
HEARD = frozenset(one.name for one in EVENTS.values() if issubclass(one, ReferralFact))


def _is_heard(name: str) -> str:
    if name not in HEARD:
        raise ValueError("there is no such fact: docs/agency.md lists them")
    return name


EventName = Annotated[str, StringConstraints(max_length=80), AfterValidator(_is_heard)]
Url = Annotated[str, StringConstraints(min_length=8, max_length=500)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MakeWebhook(_Request):
    """Send the facts of this agency, or of one of its desks, to this address. `events` empty: all."""

    agency: AgencyCode
    desk: Desk | None = None
    url: Url
    events: list[EventName] = Field(default=[], max_length=40)

    @model_validator(mode="after")
    def _desk_is_the_agencys(self) -> Self:
        if self.desk and not self.desk.startswith(f"{self.agency}/"):
            raise ValueError("a desk's code is <agency>/<desk>, of this agency")
        return self


class OneWebhook(_Request):
    """Which one, and the version that the giver has seen."""

    webhook_id: UUID
    expected_version: int = Field(ge=1)


class ChangeWebhook(OneWebhook):
    """Another address, other facts."""

    url: Url
    events: list[EventName] = Field(default=[], max_length=40)


class RotateSecret(OneWebhook):
    """A new secret; both sign for so many hours, and either is taken."""

    keep_hours: int = Field(default=24, ge=0, le=168)


class PauseWebhook(OneWebhook):
    """Send nothing, and take no commands, for now; facts wait."""


class ResumeWebhook(OneWebhook):
    """Send again, at once, what waits."""


class RemoveWebhook(OneWebhook):
    """It is no longer used; what waits is not sent."""


class ReplayDeliveries(_Request):
    """Send again: one delivery, all since a moment, or all that are kept. The receiver knows them by their id."""

    webhook_id: UUID
    delivery: int | None = Field(default=None, ge=1)
    since: datetime | None = None
    everything: bool = False

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if (self.delivery is not None) + (self.since is not None) + self.everything != 1:
            raise ValueError("name one: delivery, since, or everything")
        if self.since and self.since.tzinfo is None:
            raise ValueError("since needs a zone")
        return self


class ListWebhooks(Page):
    """The webhooks of an agency, or all."""

    agency: AgencyCode | None = None


class ListDeliveries(Page):
    """The log of a webhook, newest first, in one state or in any."""

    webhook_id: UUID
    state: Literal["waiting", "delivered", "failed"] | None = None


class ReadWebhook(_Request):
    """One webhook."""

    webhook_id: UUID


class FindSigner(_Request):
    """Whose signature a command says it has, and about which referral."""

    webhook_id: UUID
    referral_id: UUID
