"""Notify as a process."""

from services.notify import api, consumers
from services.notify.mail import MailSettings, sending
from sinergi.app import Service

service = Service("notify", router=api.router, bus=consumers.bus, settings=MailSettings, extras=[sending])
app = service.app

if __name__ == "__main__":
    service.run()
