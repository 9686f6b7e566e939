"""An agency's plug-in: hear the referrals addressed to it, and answer them.

    agency = Agency("koperasi")

    @agency.on(ReferralRequested)
    async def coach(referral: ReferralRequested) -> None:
        await agency.accept(referral, expected_on=date.today() + timedelta(days=7))

    agency.run()

The NATS account says who the agency is; it can neither read nor act as another. An event is acknowledged when its
handler returns. A handler that raises gets the event again later; the commands it gave before are not carried out
twice, because each carries a key made of the event's id.
"""

import asyncio
import json
import os
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from faststream import FastStream
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from sinergi import tracing
from sinergi.cloudevents import Envelope, NotAnEvent
from sinergi.connection import connect
from sinergi.events import EVENTS, Event, ReferralFact
from sinergi.tasks import beside, end

log = structlog.get_logger()

H = TypeVar("H", bound=Callable[..., Awaitable[None]])

#: seconds before each new try of an event whose handler raised; the last one repeats, nothing is given up
RETRY_DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)
BATCH = 64
REMEMBERED = 10_000
ANSWER_SECONDS = 10.0
#: well within the 30 seconds after which the server gives what was not acknowledged to somebody again
HOLD_SECONDS = 10.0


class CommandRefused(Exception):
    """The core refused a command. `slug` is stable, `problem` the whole RFC 9457 object."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem, self.slug = problem, str(problem["type"]).rsplit(":", 1)[-1]
        super().__init__(f"{self.slug}: {problem['detail']}")


class Agency:
    """One agency's connection. `url` and `seed_file` default to SINERGI_NATS_URL and SINERGI_NATS_SEED_FILE.

    SINERGI_JS_PREFIX is set by agencies with a leaf node alone, who read from their own server (deploy/agency/leaf).
    """

    def __init__(self, code: str, url: str | None = None, seed_file: str | Path | None = None) -> None:
        servers = (url or os.environ["SINERGI_NATS_URL"]).split(",")
        seed = seed_file or os.environ["SINERGI_NATS_SEED_FILE"]
        self.code = code
        self._prefix = os.environ.get("SINERGI_JS_PREFIX", "SIN.API")
        self.broker = connect(servers, Path(seed), code, js_options={"prefix": self._prefix})
        self._handlers: dict[str, list[Callable[..., Awaitable[None]]]] = defaultdict(list)
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._remembering = True
        self._hearing: asyncio.Task[None] | None = None

    def on(self, event: type[Event]) -> Callable[[H], H]:
        """Handle this fact: `async def f(event)`."""

        def register(handler: H) -> H:
            self._handlers[event.type()].append(handler)
            return handler

        return register

    def run(self) -> None:
        """Work until Ctrl-C or SIGTERM."""
        asyncio.run(FastStream(self.broker, logger=None, after_startup=[self.start], on_shutdown=[self.stop]).run())

    async def start(self) -> None:
        """Connect and begin to hear; waits for as long as the core has no consumer for this agency."""
        await self.broker.connect()
        await self._until_known()
        stream = self._client().jetstream(prefix=self._prefix)
        subscription = await stream.pull_subscribe_bind("me", "REFERRALS")
        self._hearing = asyncio.create_task(self._hear_until_leaving(subscription))
        log.info("agency.listening", agency=self.code)

    async def stop(self) -> None:
        """Leave; what was not acknowledged comes again."""
        if self._hearing:
            await end(self._hearing)
        await self.broker.stop()

    # ------------------------------------------------------------- commands

    async def details(self, referral: ReferralFact, purpose: str) -> dict[str, Any]:
        """The personal data that this service needs, for this purpose; the reading goes into the ledger."""
        return await self.command("details", referral, purpose=purpose)

    async def acknowledge(self, referral: ReferralFact, receiver_reference: str | None = None) -> dict[str, Any]:
        """Say that it was seen, and under which number of your own."""
        return await self.command("acknowledge", referral, receiver_reference=receiver_reference)

    async def accept(self, referral: ReferralFact, expected_on: date) -> dict[str, Any]:
        """Take it on, to be done by this date."""
        return await self.command("accept", referral, expected_on=expected_on)

    async def decline(self, referral: ReferralFact, reason: str, text: str, **more: Any) -> dict[str, Any]:
        """Refuse it, with a coded reason and a sentence; `missing_documents` and `better_service` may follow."""
        return await self.command("decline", referral, reason=reason, text=text, **more)

    async def progress(self, referral: ReferralFact, **fields: Any) -> dict[str, Any]:
        """Start, or tell how it goes: `business_status`, `note`."""
        return await self.command("progress", referral, **fields)

    async def complete(self, referral: ReferralFact, outcome: str, **fields: Any) -> dict[str, Any]:
        """Done: a coded outcome, `given_on`, `evidence` ([{"kind": "nib", "number": "…"}]), `next_step`."""
        return await self.command("complete", referral, outcome=outcome, **fields)

    async def fail(self, referral: ReferralFact, reason: str, text: str) -> dict[str, Any]:
        """It could not be done, with a coded reason and a sentence."""
        return await self.command("fail", referral, reason=reason, text=text)

    async def command(self, name: str, referral: ReferralFact, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Give any command of the referral's table; raises `CommandRefused`.

        Within one event's handler each command expects the version that the one before it left.
        """
        envelope = referral.envelope
        request = fields | {
            "referral_id": referral.referral_id,
            "idempotency_key": key or f"{envelope.id}:{name}",
        }
        if name != "details":
            request["expected_version"] = referral.known_version
        answer = await self._ask(f"referral.{name}", request, tracing.traceparent() or envelope.traceparent)
        referral.knows_version(answer.get("version", referral.known_version))
        return answer

    async def replay(self, since: datetime) -> int:
        """Hear every fact again that was told at or after this moment (with its zone); returns how many there are.

        Your cursor is your own: nobody else's moves. Events keep their ids, so commands are not carried out twice.
        """
        self._newest.clear()
        self._remembering = False  # the first facts are here before the answer is: none of them may pass for known
        try:
            answer = await self._ask("agency.replay", {"since": since}, tracing.traceparent())
        finally:
            self._remembering = True
        return int(answer["facts"])

    async def _ask(self, command: str, request: dict[str, Any], traceparent: str) -> dict[str, Any]:
        reply = await self._client().request(
            f"sinergi.cmd.{command}",
            json.dumps(to_jsonable_python(request)).encode(),
            timeout=ANSWER_SECONDS,
            headers={"traceparent": traceparent},
        )
        answer: dict[str, Any] = json.loads(reply.data)
        if "problem" in answer:
            raise CommandRefused(answer["problem"])
        return answer

    # -------------------------------------------------------------- hearing

    async def _hear_until_leaving(self, subscription: JetStreamContext.PullSubscription) -> None:
        try:
            await self._hear(subscription)
        finally:
            with suppress(NatsError):  # else closing the connection waits half a minute for what nobody takes now
                await subscription.unsubscribe()

    async def _hear(self, subscription: JetStreamContext.PullSubscription) -> None:
        """One at a time, in the order in which they came (FastStream's subscriber adds 0.3 ms to each)."""
        while True:
            try:
                messages = await subscription.fetch(BATCH)
                async with beside(_hold(messages)):
                    for message in messages:
                        await self._receive(message)
            except TimeoutError:
                continue  # nothing came
            except Exception as wrong:  # whatever it was: what is not acknowledged comes again
                log.warning("agency.interrupted", error=type(wrong).__name__)
                await asyncio.sleep(1)

    async def _receive(self, message: Msg) -> None:
        try:
            await self._handle(message)
        except NotAnEvent as wrong:
            log.error("agency.not_an_event", error=str(wrong))
            await message.term()
        except Exception as wrong:
            tries = message.metadata.num_delivered
            log.error("agency.handler_failed", tries=tries, error=type(wrong).__name__, exc_info=wrong)
            await message.nak(delay=RETRY_DELAYS[min(tries, len(RETRY_DELAYS)) - 1])
        else:
            await message.ack()

    async def _handle(self, message: Msg) -> None:
        envelope = Envelope.from_headers(message.headers)
        handlers = self._handlers.get(envelope.type, [])
        if not handlers or self._newest.get(envelope.partitionkey, 0) >= envelope.sequence:
            return
        try:
            event = EVENTS[envelope.type].model_validate_json(message.data).with_envelope(envelope)
        except ValidationError as wrong:
            raise NotAnEvent(f"the body breaks the schema of {envelope.type}") from wrong
        with tracing.span(f"handle {envelope.type}", {"traceparent": envelope.traceparent}):
            try:
                for handler in handlers:
                    await handler(event)
            except CommandRefused as no:
                if no.slug != "version-conflict":
                    raise
                log.info("agency.overtaken", type=envelope.type)  # a newer fact is on its way
        if self._remembering:
            self._remember(envelope)

    def _remember(self, envelope: Envelope) -> None:
        self._newest[envelope.partitionkey] = envelope.sequence
        self._newest.move_to_end(envelope.partitionkey)
        if len(self._newest) > REMEMBERED:
            self._newest.popitem(last=False)

    async def _until_known(self) -> None:
        stream = self._client().jetstream(prefix=self._prefix)
        while True:
            try:
                await stream.consumer_info("REFERRALS", "me")
                return
            except (NatsError, TimeoutError) as wrong:
                log.info("agency.waiting", agency=self.code, error=type(wrong).__name__)
                await asyncio.sleep(1)

    def _client(self) -> Client:
        client = self.broker.config.connection_state.connection
        assert isinstance(client, Client)
        return client


async def _hold(messages: list[Msg]) -> None:
    """Tell the server that we are at it, for as long as slow handlers take."""
    while True:
        await asyncio.sleep(HOLD_SECONDS)
        for message in messages:
            if not message.is_acked:
                await message.in_progress()
