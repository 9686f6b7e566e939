"""The process `cases`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert

from services.cases import (  # noqa: F401 (declares what is heard of the registry)
    api,
    consumers,
    consumers_registry,
    duties,
)
from services.cases.caseload_worker import caseload_worker
from services.cases.instruments import Shelf
from services.cases.notes_models import SealCheck
from services.cases.seal import Seal, SealBroken
from services.cases.settings import CasesSettings
from services.cases.sweeping import attachment_sweeper
from services.cases.tasks import clock
from sinergi.app import Context, Service
from sinergi.settings import Settings


def take_seal_and_instruments(settings: Settings) -> None:
    """Before anything is read or written: the key that seals what is confidential, and the instruments.

    `InstrumentBroken` stops the start, and says which file breaks which rule.
    """
    ours = cast(CasesSettings, settings)
    Shelf.load(ours.instruments_folder).use()
    ours.seal().use()


@asynccontextmanager
async def the_seal_fits(context: Context) -> AsyncIterator[None]:
    """Refuse to start on a database that another key has sealed; the first start of all leaves the mark."""
    ours = Seal.current().check
    async with context.db.begin() as tx:
        unless_marked = select(literal(ours)).where(~select(SealCheck.value).exists())
        await tx.session.execute(insert(SealCheck).from_select(["value"], unless_marked).on_conflict_do_nothing())
        if (await tx.session.scalars(select(SealCheck.value))).all() != [ours]:
            raise SealBroken("This database was sealed by another key: SINERGI_NOTES_KEY_FILE names the wrong file.")
    yield


@asynccontextmanager
async def office_days(context: Context) -> AsyncIterator[None]:
    """Duties count in the working days of this process's calendar."""
    duties.office.calendar = context.calendar
    yield


service = Service(
    "cases",
    router=api.router,
    bus=consumers.bus,
    clock=clock,
    settings=CasesSettings,
    prepare=take_seal_and_instruments,
    extras=[the_seal_fits, attachment_sweeper, office_days, caseload_worker],
)
app = service.app

if __name__ == "__main__":
    service.run()
