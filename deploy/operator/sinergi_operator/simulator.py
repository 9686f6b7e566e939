"""A plug-in that plays an agency: it answers with real commands, as slowly and as unwillingly as it is told."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from sinergi import Agency, ReferralCancelRequested, ReferralRequested
from sinergi.problems import Refused
from sinergi_operator.border import Border

Way = Literal["silent", "decline", "fail", "complete"]

#: how long the last acknowledgements may take before a simulator that has played enough leaves all the same; one fetch
#: of its plug-in may take five
LEAVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Manners:
    """How it answers. `slow`: seconds before each command; the others are shares of all referrals, 0 to 1.

    The same seed treats the same referral the same way, also when its event comes again.
    """

    slow: float = 0.0
    decline: float = 0.0
    silent: float = 0.0
    fail: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.silent + self.decline + self.fail > 1:
            raise Refused("shares-too-large", "--silent, --decline and --fail together are at most 1.")

    def way(self, referral_id: str) -> Way:
        """What becomes of this referral."""
        drawn = Random(f"{self.seed}:{referral_id}").random()
        shares: list[tuple[Way, float]] = [("silent", self.silent), ("decline", self.decline), ("fail", self.fail)]
        for way, share in shares:
            if drawn < share:
                return way
            drawn -= share
        return "complete"


class Simulator:
    """Plays the agency that `agency` is signed in as. `say` is told what became of each referral."""

    def __init__(self, agency: Agency, manners: Manners, say: Callable[[str], None]) -> None:
        self._agency, self._manners, self._say = agency, manners, say
        self._met: set[str] = set()
        self._enough = asyncio.Event()
        self._exit_after: int | None = None
        agency.on(ReferralRequested)(self._answer)
        agency.on(ReferralCancelRequested)(self._stop)

    async def run(self, border: Border, exit_after: int | None = None) -> None:
        """Play until cancelled, or until this many referrals were met. `border` is the same agency's.

        Refused: `plug-in-at-work` when somebody else listens for this agency: the two would share its referrals.
        """
        if await border.listening():
            raise Refused("plug-in-at-work", "A plug-in of this agency is at work. Stop it, or `sinergi up --without`.")
        self._exit_after = exit_after
        await self._agency.start()
        try:
            await self._enough.wait()
            await _until_acknowledged(border)
        finally:
            await self._agency.stop()

    async def _answer(self, referral: ReferralRequested) -> None:
        way = self._manners.way(referral.referral_id)
        if way == "decline":
            await self._pause()
            await self._agency.decline(referral, "capacity", "Simulasi: sedang penuh.")
        elif way != "silent":
            await self._work(referral, way)
        self._tell(referral.referral_id, way)

    async def _work(self, referral: ReferralRequested, way: Way) -> None:
        sent = referral.envelope.time.date()
        await self._pause()
        await self._agency.acknowledge(referral, receiver_reference=f"SIM-{referral.referral_id}")
        await self._pause()
        await self._agency.accept(referral, expected_on=max(sent + timedelta(days=7), date.today()))
        await self._pause()
        await self._agency.progress(referral, note="Simulasi: dikerjakan.")
        await self._pause()
        if way == "fail":
            await self._agency.fail(referral, "no-capacity", "Simulasi: tidak dapat diberikan.")
        else:
            await self._agency.complete(referral, "service-given", given_on=sent)

    async def _stop(self, referral: ReferralCancelRequested) -> None:
        await self._pause()
        await self._agency.command("confirm_cancel", referral)
        self._say(f"{referral.referral_id}: stopped, as the sender asked")

    async def _pause(self) -> None:
        await asyncio.sleep(self._manners.slow)

    def _tell(self, referral_id: str, way: Way) -> None:
        words = {"silent": "not answered", "decline": "declined", "fail": "failed", "complete": "completed"}
        self._say(f"{referral_id}: {words[way]}")
        self._met.add(referral_id)
        if self._exit_after is not None and len(self._met) >= self._exit_after:
            self._enough.set()


async def _until_acknowledged(border: Border) -> None:
    """Its last event was handled; that it was also acknowledged, with what its own commands told, the consumer tells.
    What is told a moment later waits for the next who listens."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while (info := await border.consumer()) and time.monotonic() < deadline:
        if not info.num_ack_pending and not info.num_pending:
            return
        await asyncio.sleep(0.05)
