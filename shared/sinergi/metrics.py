"""What a service counts, for Prometheus. Labels are codes and names of durables: no ids, no personal data."""

from prometheus_client import Counter, Gauge

OUTBOX_SENT = Counter("sinergi_outbox_sent", "Facts that the relay sent and marked")
HANDLED = Counter("sinergi_events_handled", "Events whose effects were committed", ["durable"])
RETRIED = Counter("sinergi_events_retried", "Events whose handler failed and that will be tried again", ["durable"])
DEAD = Counter("sinergi_events_dead", "Events that were given up and lie in the dead letters", ["durable"])
PARKED = Counter("sinergi_events_parked", "Events that came before an earlier fact of their aggregate", ["durable"])
REFUSED = Counter("sinergi_commands_refused", "Commands and requests that the rules refused", ["slug"])
ALARMS_RUNG = Counter("sinergi_alarms_rung", "Alarms that rang and whose effects were committed", ["kind"])
ALARMS_FAILED = Counter("sinergi_alarms_failed", "Alarms that failed to ring and will be tried again", ["kind"])
CONSUMER_UP = Gauge("sinergi_consumer_up", "1 while the durable exists on the server", ["durable"])
