"""The service `registry`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import select

from services.registry import api, consumers
from services.registry.counting import area_counter
from services.registry.export_worker import export_worker
from services.registry.models import SealCheck
from services.registry.seal import Seal, SealBroken
from services.registry.settings import RegistrySettings
from services.registry.worker import import_worker
from sinergi.app import Context, Service
from sinergi.settings import Settings


def take_the_seal(settings: Settings) -> None:
    """Before the first table is touched: NIK and KK are sealed by the key of this service."""
    cast(RegistrySettings, settings).seal().use()


@asynccontextmanager
async def the_seal_fits(context: Context) -> AsyncIterator[None]:
    """Refuse to start on a database that another key has sealed: it could neither read nor find anybody."""
    async with context.db.begin() as tx:
        if await tx.session.scalar(select(SealCheck.value)) != Seal.current().check:
            raise SealBroken("This database was sealed by another key: SINERGI_SEAL_KEY_FILE names the wrong file.")
    yield


service = Service(
    "registry",
    router=api.router,
    bus=consumers.bus,
    settings=RegistrySettings,
    prepare=take_the_seal,
    extras=[the_seal_fits, import_worker, area_counter, export_worker],
)
app = service.app

if __name__ == "__main__":
    service.run()
