"""The service `registry`."""

from services.registry import api, consumers
from services.registry.imports import import_worker
from services.registry.settings import RegistrySettings
from sinergi.app import Service

service = Service("registry", router=api.router, bus=consumers.bus, settings=RegistrySettings, extras=[import_worker])
app = service.app

if __name__ == "__main__":
    service.run()
