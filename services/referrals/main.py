"""The service `referrals`: `python -m services.referrals.main [serve|migrate]`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.referrals import api, consumers, ringing, working_time
from services.referrals.pathway_firing import fire_steps
from services.referrals.planned import send_waiting
from services.referrals.provisioning import keep_consumers
from sinergi.app import Context, Service


@asynccontextmanager
async def office_days(context: Context) -> AsyncIterator[None]:
    """Terms are counted in the working days of this process's calendar."""
    working_time.office.calendar = context.calendar
    yield


service = Service(
    "referrals",
    router=api.router,
    bus=consumers.bus,
    clock=ringing.clock,
    extras=[office_days, keep_consumers, send_waiting, fire_steps],
)
app = service.app

if __name__ == "__main__":
    service.run()
