"""The process `cases`."""

from services.cases import api, consumers
from services.cases.tasks import clock
from sinergi.app import Service

service = Service("cases", router=api.router, bus=consumers.bus, clock=clock)
app = service.app

if __name__ == "__main__":
    service.run()
