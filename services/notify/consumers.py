"""What notify hears: every fact of the table in table.py, and all facts about cases."""

from services.notify import commands
from services.notify.rules import people
from services.notify.table import RULES
from sinergi.auth import service_actor
from sinergi.bus import Bus
from sinergi.db import Tx
from sinergi.events import EVENTS, CaseFact, Event

bus = Bus("notify")
me = service_actor("notify")


async def when_a_case_changes_remember_its_people(event: CaseFact, tx: Tx) -> None:
    """A referral names its case, not the worker: this is where its worker is found."""
    case = commands.RememberCase(case_id=event.case_id, **people(event))
    await commands.remember_case(case, me, tx)


async def when_a_fact_concerns_somebody_tell_them(event: Event, tx: Tx) -> None:
    """Post what the table says."""
    for rule in RULES:
        if isinstance(event, rule.event) and (recipients := rule.to(event)):
            title, text, link = rule.fill(event)
            notice = commands.PostNotice(
                event_id=event.envelope.id,
                recipients=recipients,
                kind=event.name.rsplit(".", 1)[0],
                title=title,
                text=text,
                link=link,
            )
            await commands.post_notice(notice, me, tx)


for case_fact in (one for one in EVENTS.values() if issubclass(one, CaseFact)):
    bus.on(case_fact)(when_a_case_changes_remember_its_people)
for fact in dict.fromkeys(rule.event for rule in RULES):
    bus.on(fact)(when_a_fact_concerns_somebody_tell_them)
