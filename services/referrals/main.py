"""The service `referrals`: `python -m services.referrals.main [serve|migrate]`."""

from services.referrals import api, consumers
from services.referrals.planned import send_waiting
from services.referrals.provisioning import keep_consumers
from sinergi.app import Service

service = Service("referrals", router=api.router, bus=consumers.bus, extras=[keep_consumers, send_waiting])
app = service.app

if __name__ == "__main__":
    service.run()
