"""How a service hears: `@bus.on(Event)` for facts, `@bus.command(name)` for what agencies ask over NATS.

A service has ONE durable per stream, named `<service>-<stream>`, that sees every fact for `core`; what it has no
handler for it passes over. A handler that fails is tried again with delays; after the last try, or at once when no
retry can help, the message goes to the dead letters (dead_letters.py), where an operator reads and replays it.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from faststream.nats import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from sinergi import tracing
from sinergi.auth import Actor, agency_actor, service_actor
from sinergi.connection import connect
from sinergi.db import Database, is_outage
from sinergi.dead_letters import bury
from sinergi.events import STREAMS, Event
from sinergi.inbox import GROUP, Handler, Inbox, Incoming, Poison
from sinergi.metrics import CONSUMER_UP, DEAD, REFUSED, RETRIED
from sinergi.problems import Refused
from sinergi.provision import DEAD_LETTERS, declare_durable, declare_stream, durable_exists
from sinergi.relay import Relay
from sinergi.settings import Settings
from sinergi.tasks import end

log = structlog.get_logger()

Answer = dict[str, Any]
Command = Callable[[Answer, Actor], Awaitable[Answer]]
H = TypeVar("H", bound=Callable[..., Awaitable[Any]])

WATCH_SECONDS = 5.0
#: a durable that has messages waiting and moved nothing for so long is stuck
SILENCE_SECONDS = 15.0
#: exit status of a process whose consumer is gone, so that its supervisor starts it afresh
CONSUMER_GONE = 70


class Bus:
    """What a service hears. Handlers are declared on import; `start` connects, provisions and consumes."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.handlers: dict[str, dict[str, list[Handler]]] = defaultdict(lambda: defaultdict(list))
        self.commands: dict[str, Command] = {}
        self.questions: dict[str, Command] = {}
        self.listeners: list[tuple[str, Callable[[Any], Awaitable[None]]]] = []
        self.context: Any = None  # the running service, set when it starts: what handlers of requests need

    def on(self, event: type[Event]) -> Callable[[H], H]:
        """Handle this fact: `async def when_<fact>_<effect>(event, tx)`, its effects in the transaction `tx`."""

        def register(handler: H) -> H:
            self.handlers[event.stream()][event.type()].append(handler)
            return handler

        return register

    def command(self, name: str) -> Callable[[Command], Command]:
        """Answer `sinergi.cmd.<agency>.<name>`: `async def f(request, actor)`; the actor is the agency's account."""

        def register(handler: Command) -> Command:
            self.commands[name] = handler
            return handler

        return register

    def answers(self, name: str) -> Callable[[Command], Command]:
        """Answer another service's question `sinergi.ask.<name>`: disclosures, nothing else."""

        def register(handler: Command) -> Command:
            self.questions[name] = handler
            return handler

        return register

    def listen(self, event: type[Event]) -> Callable[[H], H]:
        """Hear this fact in every replica, as it happens and without memory: for live screens only."""

        def register(handler: H) -> H:
            self.listeners.append((event.subject("core"), handler))
            return handler

        return register

    def durable(self, stream: str) -> str:
        """The name of this service's durable on a stream."""
        return f"{self.service}-{stream.lower()}"

    def own_stream(self) -> str | None:
        """The stream that this service declares, if it has one."""
        return next((name for name, (owner, _) in STREAMS.items() if owner == self.service), None)


class Running:
    """A bus at work: connection, relay, consumers and the watchdog. `ready` tells what is missing, if anything."""

    def __init__(self, bus: Bus, settings: Settings, db: Database) -> None:
        self._bus, self._settings, self._db = bus, settings, db
        self._relay: Relay | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._subscribed: set[str] = set()
        self.missing: set[str] = {bus.durable(stream) for stream in bus.handlers}
        self.broker = connect(settings.nats_servers(), settings.nats_seed_file, bus.service, self._lost)

    async def start(self) -> None:
        """Connect and begin; consumers of streams that do not exist yet follow as soon as they do."""
        await self.broker.connect()
        await self._subscribe_requests()
        await self.broker.start()
        await declare_stream(self.nats, DEAD_LETTERS, self._settings)
        if own := self._bus.own_stream():
            await declare_stream(self.nats, own, self._settings)
            self._relay = Relay(self._settings, self.nats, own, self._db.committed, self._bus.service)
            self._tasks.append(asyncio.create_task(self._relay.run()))
        self._tasks += [asyncio.create_task(self._consume(stream)) for stream in self._bus.handlers]
        self._tasks.append(asyncio.create_task(self._watch()))

    async def stop(self) -> None:
        """Let go of everything; what was not acked is delivered again, to us or to another replica."""
        await end(*self._tasks)
        await self.broker.stop()

    @property
    def nats(self) -> Client:
        """The raw connection."""
        client = self.broker.config.connection_state.connection
        assert isinstance(client, Client)
        return client

    async def ready(self) -> list[str]:
        """What is not ready: an empty list is ready."""
        if not self.nats.is_connected:
            return ["nats"]
        gone = self.missing | {name for stream, name in self._streams() if not await self._on_server(stream, name)}
        return [f"consumer {name}" for name in sorted(gone)]

    def _streams(self) -> list[tuple[str, str]]:
        return [(stream, self._bus.durable(stream)) for stream in self._bus.handlers]

    async def _on_server(self, stream: str, durable: str) -> bool:
        try:
            return await durable_exists(self.nats, stream, durable)
        except (NatsError, TimeoutError):
            return False

    async def ask(self, name: str, request: Answer, timeout: float = 5.0) -> Answer:
        """Ask the service that answers `sinergi.ask.<name>`; `Refused` with its reason, or unavailable."""
        try:
            reply = await self.nats.request(
                f"sinergi.ask.{name}",
                json.dumps(request).encode(),
                timeout=timeout,
                headers={"traceparent": tracing.traceparent()},
            )
        except (NatsError, TimeoutError) as wrong:
            raise Refused(
                "service-unavailable", "The service that knows this does not answer.", "unavailable"
            ) from wrong
        answer: Answer = json.loads(reply.data)
        if "problem" in answer:
            raise Refused.of(answer["problem"])
        return answer

    async def _lost(self) -> None:
        if self._relay:
            self._relay.suspect()

    # ------------------------------------------------------------- consuming

    async def _consume(self, stream: str) -> None:
        """Wait for the stream, make the durable, subscribe."""
        durable = self._bus.durable(stream)
        while True:
            try:
                await declare_durable(self.nats, stream, durable)
                break
            except (NotFoundError, NatsError, TimeoutError) as wrong:
                log.info("bus.waiting_for_stream", stream=stream, error=type(wrong).__name__)
                await asyncio.sleep(0.5)
        subscription = await self.nats.jetstream().pull_subscribe_bind(durable, stream)
        self._subscribed.add(durable)
        self.missing.discard(durable)
        try:
            await self._pull(durable, Inbox(self._db, durable, self._bus.handlers[stream]), subscription)
        finally:
            with suppress(NatsError):  # else closing the connection waits half a minute for what nobody takes now
                await subscription.unsubscribe()

    async def _pull(self, durable: str, inbox: Inbox, subscription: JetStreamContext.PullSubscription) -> None:
        """Take what waits, a group at a time (FastStream's subscriber adds 0.2 ms to each)."""
        while True:
            try:
                messages = await subscription.fetch(GROUP)
                await asyncio.gather(*(self._take(durable, inbox, one) for one in messages))
            except TimeoutError:
                continue  # nothing came
            except Exception as wrong:  # whatever it was: what is not acked is delivered again
                log.warning("bus.interrupted", durable=durable, error=type(wrong).__name__)
                await asyncio.sleep(0.5)

    async def _take(self, durable: str, inbox: Inbox, message: Msg) -> None:
        try:
            await inbox.apply(Incoming.read(message.headers, message.data, message.metadata.sequence.stream))
        except Poison as wrong:
            await self._give_up(durable, message, str(wrong))
        except Exception as wrong:
            await self._retry(durable, message, wrong)
        else:
            await message.ack()

    async def _retry(self, durable: str, message: Msg, wrong: Exception) -> None:
        tries, delays = message.metadata.num_delivered, self._settings.retry_delays
        log.warning(
            "event.failed",
            durable=durable,
            type=(message.headers or {}).get("ce-type"),
            tries=tries,
            error=type(wrong).__name__,
            exc_info=wrong,
        )
        if tries > len(delays) and not is_outage(wrong) and await self._db.answers():
            await self._give_up(durable, message, f"{type(wrong).__name__} after {tries} tries")
            return
        RETRIED.labels(durable).inc()
        await message.nak(delay=delays[min(tries, len(delays)) - 1])

    async def _give_up(self, durable: str, message: Msg, reason: str) -> None:
        await bury(self.nats, durable, message, reason)
        DEAD.labels(durable).inc()
        log.error("event.dead", durable=durable, reason=reason)
        await message.ack()

    # -------------------------------------------------------------- watching

    async def _watch(self) -> None:
        """A consumer deleted by hand makes its subscriber spin in silence: end the process, to be started afresh."""
        silent: dict[str, tuple[int, float]] = {}
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for stream in self._bus.handlers:
                durable = self._bus.durable(stream)
                if durable in self._subscribed and self.nats.is_connected:
                    await self._look_at(stream, durable, silent)

    async def _look_at(self, stream: str, durable: str, silent: dict[str, tuple[int, float]]) -> None:
        try:
            exists = await durable_exists(self.nats, stream, durable)
            CONSUMER_UP.labels(durable).set(exists)
            if not exists:
                self._end("consumer.gone", durable)
            info = await self.nats.jetstream().consumer_info(stream, durable)
        except (NatsError, TimeoutError):
            return
        now = asyncio.get_running_loop().time()
        place = info.delivered.consumer_seq if info.delivered else 0
        before, since = silent.get(durable, (-1, now))
        if place != before or not info.num_pending:
            silent[durable] = (place, now)
        elif now - since > SILENCE_SECONDS:
            self._end("consumer.silent", durable)

    def _end(self, what: str, durable: str) -> None:
        self.missing.add(durable)
        log.critical(what, durable=durable)
        os._exit(CONSUMER_GONE)

    # -------------------------------------------------------------- requests

    async def _subscribe_requests(self) -> None:
        if self._bus.commands:
            subscriber = self.broker.subscriber("sinergi.cmd.*.>", queue=self._bus.service)
            subscriber(self._answer_agency)
        for name, handler in self._bus.questions.items():
            subscriber = self.broker.subscriber(f"sinergi.ask.{name}", queue=self._bus.service)
            subscriber(self._answerer(handler))
        for subject, listener in self._bus.listeners:
            # A fact is published as a request for a PubAck: an answer of ours would be taken for it.
            subscriber = self.broker.subscriber(subject, no_reply=True)
            subscriber(_hearing(listener))

    async def _answer_agency(self, message: NatsMessage) -> Answer:
        """The agency is token 3 of the subject: the server wrote it there from the account.

        A pull whose reply is `sinergi.cmd.…` makes the server bring a fact here, under the fact's own subject: its
        token 3 is no account.
        """
        _, kind, agency, name = message.raw_message.subject.split(".", 3)
        handler = self._bus.commands.get(name) if kind == "cmd" else None
        if handler is None:
            return _refusal(Refused("unknown-command", f"There is no command {name}.", "not-found"))
        return await _answer(handler, message, agency_actor(agency))

    def _answerer(self, handler: Command) -> Callable[[NatsMessage], Awaitable[Answer]]:
        async def answer(message: NatsMessage) -> Answer:
            return await _answer(handler, message, service_actor(self._bus.service))

        return answer


async def _answer(handler: Command, message: NatsMessage, actor: Actor) -> Answer:
    raw = message.raw_message
    with tracing.span(f"answer {'.'.join(raw.subject.split('.')[-2:])}", raw.headers or {}):
        try:
            request = json.loads(raw.data)
            if not isinstance(request, dict):
                raise ValueError("no object")
            return await handler(request, actor)
        except Refused as no:
            return _refusal(no)
        except ValueError:
            return _refusal(Refused("not-json", "The request's body is not a JSON object."))
        except Exception as wrong:
            log.error("request.failed", subject=raw.subject, error=type(wrong).__name__, exc_info=wrong)
            return _refusal(Refused("failed", "It failed on our side. Try again later.", "unavailable"))


def _refusal(no: Refused) -> Answer:
    REFUSED.labels(no.slug).inc()
    return {"problem": no.problem()}


def _hearing(listener: Callable[[Any], Awaitable[None]]) -> Callable[[NatsMessage], Awaitable[None]]:
    async def hear(message: NatsMessage) -> None:
        await listener(json.loads(message.raw_message.data))

    return hear
