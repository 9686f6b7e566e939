"""The service `referrals`: `python -m services.referrals.main [serve|migrate]`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from services.referrals import api, consumers, ringing, working_time
from services.referrals.pathway_firing import fire_steps
from services.referrals.planned import send_waiting
from services.referrals.provisioning import keep_consumers
from services.referrals.settings import ReferralsSettings
from services.referrals.webhook_border import Border
from services.referrals.webhook_posting import SystemResolver
from services.referrals.webhook_sending import send_webhooks
from services.referrals.webhook_signing import Secrets
from sinergi.app import Context, Service
from sinergi.settings import Settings


@asynccontextmanager
async def office_days(context: Context) -> AsyncIterator[None]:
    """Terms are counted in the working days of this process's calendar."""
    working_time.office.calendar = context.calendar
    yield


def take_key_and_border(settings: Settings) -> None:
    """Before anything is sent: the key of the webhooks' secrets, and where webhooks may lead."""
    ours = cast(ReferralsSettings, settings)
    Secrets(ours.webhooks_key()).use()
    Border(SystemResolver(1), frozenset(ours.webhook_ports), ours.webhook_loopback).use()


service = Service(
    "referrals",
    router=api.router,
    bus=consumers.bus,
    clock=ringing.clock,
    settings=ReferralsSettings,
    prepare=take_key_and_border,
    extras=[office_days, keep_consumers, send_waiting, fire_steps, send_webhooks],
)
app = service.app

if __name__ == "__main__":
    service.run()
