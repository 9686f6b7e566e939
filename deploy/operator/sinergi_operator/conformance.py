"""Whether an agency's plug-in keeps the rules of docs/agency.md: test referrals are played at it, and it is watched.

The referrals' clients are nobody, and what is still open at the end is retracted. What the plug-in does is seen at the
border, as the server sees it: so it may be written in any language.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from sinergi.cloudevents import Envelope
from sinergi.events import ReferralReminded
from sinergi.problems import Refused
from sinergi_operator.onboarding import take_back
from sinergi_operator.place import Api
from sinergi_operator.witness import STREAM, Command, Taken, Witness

#: the rules that can be tried from outside, as docs/agency.md names them
RULES = {
    "answer": "Answer",
    "after": "Acknowledge after the work",
    "twice": "The same event may come twice",
    "version": "A conflict is not tried again",
    "stop": "Stop, or complete, when the sender asks you to",
    "unknown": "Ignore what you do not know",
    "line": "A line that breaks loses nothing",
}

ENDED = {"declined", "cancelled", "completed", "failed", "expired", "entered_in_error"}
#: a consumer that we paused goes on by itself after this, should we be killed
PAUSE_AT_MOST = timedelta(seconds=60)
#: a plug-in that has something in hand asks for more within this
LISTEN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule: kept, broken, or (None) not tried; and why, in words."""

    rule: str
    kept: bool | None
    words: str


@dataclass
class Check:
    """One run. `service` is one that the plug-in works for; `cut` breaks the agency's connections, if anything can.

    `patience`: seconds that each step may take; `quiet`: seconds without anything, after which a step has ended.
    """

    code: str
    service: str
    client_kind: Literal["person", "group"]
    nats: Client
    operator: Api
    supervisor: Api
    cut: Callable[[], Awaitable[None]] | None = None
    patience: float = 30.0
    quiet: float = 1.0
    _sent: list[str] = field(default_factory=list)
    _began: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(seconds=1))

    async def run(self, say: Callable[[Verdict], None]) -> bool:
        """Whether no rule was broken; `say` is told each verdict as it comes. Refused: `no-plug-in`, `no-consumer`."""
        await self._must_listen()
        verdicts: list[Verdict] = []

        def tell(rule: str, kept: bool | None, words: str) -> None:
            verdicts.append(Verdict(RULES[rule], kept, words))
            say(verdicts[-1])

        async with Witness.of(self.code, self.nats) as witness:
            try:
                await self._play(witness, tell)
            finally:
                for referral_id in self._sent:
                    await take_back(referral_id, self.supervisor)
        return all(one.kept is not False for one in verdicts)

    async def _play(self, witness: Witness, tell: Callable[[str, bool | None, str], None]) -> None:
        first = await self._send()
        if not await witness.until(lambda: bool(witness.commands(first)), self.patience):
            words = f"no command within {self.patience:.0f} s. Name a service that it works for with --service"
            tell("answer", False, words)
            return
        tell("answer", True, f"its first command was {witness.commands(first)[0].name}")
        tell("after", *await self._after(witness, first))
        tell("twice", *await self._twice(witness, first))
        tell("version", *await self._conflict(witness))
        tell("stop", *await self._stop(witness))
        tell("unknown", *await self._unknown(witness))
        tell("line", *await self._line(witness))

    # ------------------------------------------------------------ the rules

    async def _after(self, witness: Witness, first: str) -> tuple[bool, str]:
        settled = await witness.settled(first, self.patience, self.quiet)
        fact, command = witness.facts(first)[0], witness.commands(first)[0]
        if Taken(fact.place) not in witness.seen:
            return False, "it never acknowledged the event: it comes again for ever"
        if witness.seen.index(Taken(fact.place)) < witness.seen.index(command):
            return False, f"it acknowledged first and commanded ({command.name}) then: a crash between loses the work"
        if not settled:
            return False, "it did not acknowledge what its own commands told"
        return True, "it commanded first and acknowledged then"

    async def _twice(self, witness: Witness, first: str) -> tuple[bool, str]:
        before = await self._state(first)
        known, mark = {(one.name, one.key) for one in witness.commands(first)}, len(witness.seen)
        body = {"since": self._began.isoformat()}
        await self.operator.post("referrals", f"/directory/agencies/{self.code}/replay", body)
        if not await witness.settled(first, self.patience, self.quiet, since=mark):
            return False, "it did not acknowledge what came again"
        for one in witness.commands(first, mark):
            if one.key is None or (one.name, one.key) not in known:
                return False, f"it gave {one.name} again under another idempotency_key: it would be carried out twice"
        if await self._state(first) != before:
            return False, "the referral changed by what came again"
        return True, "it gave no new command"

    async def _conflict(self, witness: Witness) -> tuple[bool, str]:
        """It hears of a referral that its sender has cancelled meanwhile: its first command meets another version."""
        manager = self.nats.jsm()
        until = (datetime.now(UTC) + PAUSE_AT_MOST).isoformat()
        await manager.pause_consumer(STREAM, self.code, until)
        try:
            referral = await self._send()
            body = {"expected_version": 1, "reason": "other", "note": "Uji coba sambungan."}
            await self.supervisor.post("referrals", f"/referrals/{referral}/cancel", body)
            await witness.until(lambda: len(witness.facts(referral)) == 2, self.patience)
        finally:
            await manager.resume_consumer(STREAM, self.code)
        settled = await witness.settled(referral, self.patience, self.quiet)
        commands = witness.commands(referral)
        guessed = [one for one in commands if one.version != 1]
        if guessed:
            return False, f"after a version-conflict it gave {guessed[0].name} again, for a version that it guessed"
        if not settled:
            return False, "after a version-conflict it did not acknowledge the event, and would try for ever"
        return True, "it let go, and heard the newer fact" if commands else "it gave no command"

    async def _stop(self, witness: Witness) -> tuple[bool, str]:
        referral = await self._send()
        await witness.until(lambda: bool(witness.commands(referral)), self.patience)
        asked = await self._ask_to_stop(referral)
        await witness.settled(referral, self.patience, self.quiet)
        state, _ = await self._state(referral)
        if not asked:
            return True, f"it was quicker than the question: {state}"
        if state not in ENDED:
            return False, f"the sender asked, and it neither confirmed nor completed: {state}"
        return True, f"the sender asked while it worked: {state}"

    async def _ask_to_stop(self, referral: str) -> bool:
        """Whether the sender could still ask; the plug-in is at work meanwhile, and changes the version."""
        while True:
            state, version = await self._state(referral)
            if state in ENDED:
                return False
            body = {"expected_version": version, "reason": "other", "note": "Uji coba sambungan."}
            try:
                await self.supervisor.post("referrals", f"/referrals/{referral}/request-cancel", body)
                return True
            except Refused as no:
                if no.slug not in {"version-conflict", "wrong-state"}:
                    raise

    async def _unknown(self, witness: Witness) -> tuple[bool, str]:
        """A type that does not exist, and a notice with a field that does not exist, both about no referral."""
        about = str(uuid4())
        body = self._notice(about).model_dump(mode="json")
        for kind in ("referral.tried.v1", ReferralReminded.name):
            await self._publish(f"sinergi.{kind}", body | {"referral_id": about, "not_yet_invented": [1, {"a": None}]})
        settled = await witness.settled(about, self.patience, self.quiet)
        if given := witness.commands(about):
            return False, f"it gave a command about what it does not know: {given[0].name}"
        if not settled:
            return False, "it did not acknowledge an event of a type, or with a field, that it does not know"
        return True, "it passed over an unknown type and an unknown field"

    async def _line(self, witness: Witness) -> tuple[bool | None, str]:
        if self.cut is None:
            return None, "not tried: the key of the server's system account is not here"
        referral = await self._send()
        await witness.until(lambda: bool(witness.commands(referral)), self.patience)
        await self.cut()
        settled = await witness.settled(referral, 2 * self.patience, self.quiet)
        if not settled or not witness.commands(referral):
            return False, "its connection was cut while it worked, and it did not come back to this event"
        if twice := _given_twice(witness.commands(referral)):
            return False, f"its connection was cut while it worked, and it gave {twice} under two keys"
        return True, "its connection was cut while it worked, and it went on"

    # --------------------------------------------------------------- inside

    async def _must_listen(self) -> None:
        deadline = time.monotonic() + min(LISTEN_SECONDS, self.patience)
        while not await self._listens():
            if time.monotonic() > deadline:
                raise Refused("no-plug-in", f"Nobody listens for {self.code}: start its plug-in first.", "conflict")
            await asyncio.sleep(0.1)

    async def _listens(self) -> bool:
        try:
            return bool((await self.nats.jetstream().consumer_info(STREAM, self.code)).num_waiting)
        except NotFoundError:
            sentence = f"{self.code} has no consumer: is it connected? `sinergi agency add {self.code}`."
            raise Refused("no-consumer", sentence, "not-found") from None

    async def _send(self) -> str:
        request = {
            "service": self.service,
            "client_kind": self.client_kind,
            "client_id": str(uuid4()),
            "area": "31.74",
            "reason": "test",
            "legal_basis": "test",
            "override": "Uji coba sambungan.",
        }
        sent = await self.supervisor.post("referrals", "/referrals/anyway", request)
        self._sent.append(str(sent["id"]))
        return self._sent[-1]

    async def _state(self, referral: str) -> tuple[str, int]:
        now = await self.supervisor.get("referrals", f"/referrals/{referral}")
        return str(now["state"]), int(now["version"])

    def _notice(self, about: str) -> ReferralReminded:
        return ReferralReminded(
            referral_id=about,
            service=self.service,
            sender="dinsos",
            receiver=self.code,
            desk=f"{self.code}/uji-coba",
            area="31.74",
            client_kind=self.client_kind,
            client_id=about,
            by="clock",
            by_agency="dinsos",
            referral_version=1,
            clock="acknowledge",
            due=datetime.now(UTC),
        )

    async def _publish(self, kind: str, body: dict[str, Any]) -> None:
        envelope = Envelope(str(uuid4()), kind, "sinergi/check", datetime.now(UTC), str(uuid4()), 1)
        data = json.dumps(body).encode()
        await self.nats.jetstream().publish(f"{kind}.{self.code}", data, headers=envelope.headers())


def _given_twice(commands: list[Command]) -> str | None:
    """The first command that was given under two keys."""
    keys: dict[str, Any] = {}
    return next((one.name for one in commands if keys.setdefault(one.name, one.key) != one.key), None)
