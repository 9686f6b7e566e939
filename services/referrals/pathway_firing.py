"""Steps that are ready become referrals: the desk is found at that moment, and asked by the same command as ever.

What is to be sent, taken back or called back stands in the queue (`pathway_steps.send_after`), written in the
transaction that decided it. The registry is asked outside of any transaction; then one transaction sends and moves the
step. Whatever is killed, the step stands in the queue until that one has committed, and then no more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from services.referrals import commands
from services.referrals.asking import facts_of, judged
from services.referrals.codes import CancelReason
from services.referrals.eligibility import Facts, Result, Verdict, asks_of, judge
from services.referrals.finding import Candidate, best_first, serving
from services.referrals.models import IS_OPEN, Referral
from services.referrals.pathway_models import Pathway, PathwayStep
from services.referrals.pathway_progress import Course, lock_course
from services.referrals.pathways import Template, TemplateStep
from services.referrals.pathways.engine import StepState
from services.referrals.planned import DECLINED_AS, PASSING, sender
from services.referrals.requests import CancelReferral, JudgedReferral, RequestCancel, SendReferral
from services.referrals.states import TERMINAL, State
from sinergi.app import Context
from sinergi.db import Tx
from sinergi.problems import Refused
from sinergi.tasks import beside

log = structlog.get_logger()

EVERY_SECONDS = 0.3

#: claims the next one that is due; it is due again, for whoever comes, if this process dies over it
_CLAIM = text(
    """UPDATE pathway_steps SET tries = tries + 1,
         send_after = now() + least(60, 2 * power(2, least(tries, 5))) * interval '1 second'
       WHERE (pathway_id, key) = (SELECT pathway_id, key FROM pathway_steps WHERE send_after <= now()
                                  ORDER BY send_after, pathway_id, key LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING pathway_id, key"""
)


class _Errand:
    """A step that was claimed, as it stood then: read, never written."""

    def __init__(self, pathway: Pathway, step: PathwayStep, evidence: set[str]) -> None:
        self.pathway, self.step = pathway, step
        self.template_step: TemplateStep = Template.model_validate(pathway.definition).step(step.key)
        self.actor = sender(pathway.agency)
        self._papers = set(pathway.documents) | evidence

    def request(self, service: str, reason: str) -> SendReferral:
        """What the desk is asked for; papers go along that the sender holds, or that earlier steps brought."""
        pathway, asked = self.pathway, self.template_step
        return SendReferral(
            service=service,
            client_kind=pathway.client_kind,
            client_id=pathway.client_id,
            area=pathway.area,
            reason=reason,
            legal_basis=asked.legal_basis or pathway.legal_basis,
            priority=asked.priority,
            documents=[one for one in asked.documents if one in self._papers],
            case_id=pathway.case_id,
        )


@asynccontextmanager
async def fire_steps(context: Context) -> AsyncIterator[None]:
    """Beside the service: sends what is ready."""
    async with beside(_work(context)):
        yield


async def _work(context: Context) -> None:
    while True:
        try:
            while await _fire_next(context):
                pass
        except (OSError, SQLAlchemyError, Refused) as wrong:
            log.warning("pathways.interrupted", error=type(wrong).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def _fire_next(context: Context) -> bool:
    """Do what one step wants; False when none wants anything."""
    async with context.db.begin() as tx:
        claimed = (await tx.session.execute(_CLAIM)).one_or_none()
        errand = await _read(claimed, tx) if claimed else None
    if errand is None:
        return False
    try:
        await _DOES.get(StepState(errand.step.state), _forget)(context, errand)
    except Refused as no:  # nobody answers, or the rules changed meanwhile: it is due again by itself
        log.info("pathways.postponed", refusal=no.slug)
    return True


async def _read(claimed: Any, tx: Tx) -> _Errand:
    pathway = await tx.get(Pathway, claimed.pathway_id)
    step = await tx.get(PathwayStep, (claimed.pathway_id, claimed.key))
    brought = select(PathwayStep.evidence).where(PathwayStep.pathway_id == pathway.id)
    return _Errand(pathway, step, {kind for kinds in await tx.session.scalars(brought) for kind in kinds})


# ------------------------------------------------------------------- send it


async def _send_ready(context: Context, errand: _Errand) -> None:
    async with context.db.begin(errand.actor) as tx:
        found, running = await _who_may_give_it(errand, tx)
    client = None if errand.step.decided or not errand.template_step.when else errand.template_step.when.client
    rules = [one.rules for one in found if one.rules] + ([client] if client else [])
    about = (errand.pathway.client_kind, errand.pathway.client_id)
    facts = await facts_of(context, *about, asks_of(rules), errand.actor)
    if client and (result := judge(client, facts, 0).result) is not Result.YES:
        return await _decide(context, errand, lambda course, step: _not_for_them(course, step, result))
    chosen = _choose(errand.template_step, found, facts)
    if chosen is None:
        why = "referral-already-open" if running else "no-service"
        return await _decide(context, errand, lambda course, step: course.ended(step, why))
    one, verdict = chosen
    request = errand.request(one.code, errand.template_step.reason)
    await _send(context, errand, JudgedReferral(**request.model_dump(), verdict=verdict))


async def _who_may_give_it(errand: _Errand, tx: Tx) -> tuple[list[Candidate], bool]:
    """Who serves the need and was not asked in vain; whether one is left out since its referral runs already."""
    pathway, step = errand.pathway, errand.step
    same = select(Referral.service).where(Referral.client_id == pathway.client_id, text(IS_OPEN))
    running = set(await tx.session.scalars(same))  # the index of open referrals serves the question
    found = await serving([errand.template_step.need], pathway.area, tx)
    if step.chosen:
        found = [one for one in found if one.code == step.chosen]
    fit = [one for one in found if one.code not in step.asked and (step.chosen or _fits(errand.template_step, one))]
    left = [one for one in fit if one.code not in running]
    return left, len(left) < len(fit)


def _fits(step: TemplateStep, one: Candidate) -> bool:
    named = bool(step.agencies or step.services)
    return not named or one.agency_kind in step.agencies or _named(step, one)


def _named(step: TemplateStep, one: Candidate) -> bool:
    return any(one.code.startswith(beginning) for beginning in step.services)


def _choose(step: TemplateStep, found: list[Candidate], facts: Facts) -> tuple[Candidate, Verdict | None] | None:
    """The best one with room that is not meant for others; a service that the template names comes first."""
    for_them = [
        (one, verdict)
        for one, verdict in best_first(found, facts)
        if one.has_room and (verdict is None or verdict.result is not Result.NO)
    ]
    return min(for_them, key=lambda pair: not _named(step, pair[0]), default=None)


def _not_for_them(course: Course, step: PathwayStep, result: Result) -> None:
    when = course.template.step(step.key).when
    if result is Result.UNKNOWN:
        course.block(step, "fact-not-known")
    elif when and when.otherwise == "ask":
        course.block(step, "condition-not-met")
    else:
        course.skip(step, "condition-not-met")


async def _send(context: Context, errand: _Errand, request: JudgedReferral) -> None:
    """One transaction: the referral is there, and its step knows it. What the rules refuse ends the step."""
    async with context.db.begin(errand.actor) as tx:
        try:
            sent = await commands.send_referral(request, errand.actor, tx)
        except Refused as no:
            if no.slug in PASSING:
                raise
            why = DECLINED_AS.get(no.slug, no.slug)
            return await _now(errand, tx, lambda course, step: _refused(course, step, request.service, why))
        course = await lock_course(errand.pathway.id, tx)
        step = course.steps[errand.step.key]
        if step.state != errand.step.state or step.attempt != errand.step.attempt:
            raise Refused("step-moved-on", "Somebody was faster.", "conflict")  # and what was sent is not
        course.fired(step, request.service, UUID(sent.id))
        course.settle()


def _refused(course: Course, step: PathwayStep, service: str, why: str) -> None:
    if step.state == StepState.UNDOING:
        course.block(step, why)
    else:
        step.service = service
        course.ended(step, why)


# --------------------------------------------------- take it back, call it back


async def _take_back(context: Context, errand: _Errand) -> None:
    """Ask the desk that did it to take it back."""
    undo, service = errand.template_step.undo, errand.step.service
    if undo is None or service is None:
        return await _forget(context, errand)
    request = await judged(context, errand.request(service, undo.reason), errand.actor)
    await _send(context, errand, request)


async def _call_back(context: Context, errand: _Errand) -> None:
    """The pathway stops: cancel what nobody has acknowledged, else ask the receiver to stop."""
    async with context.db.begin(errand.actor) as tx:
        referral = await tx.lock(Referral, errand.step.referral_id)
        course = await lock_course(errand.pathway.id, tx)
        course.steps[errand.step.key].send_after = None
        if referral.state in TERMINAL or referral.state == State.CANCEL_REQUESTED:
            return
        given = {"referral_id": referral.id, "expected_version": referral.version, "reason": _why(course.pathway)}
        if referral.state == State.REQUESTED:
            await commands.cancel_referral(CancelReferral.model_validate(given), errand.actor, tx)
        else:
            await commands.request_cancel(RequestCancel.model_validate(given), errand.actor, tx)


def _why(pathway: Pathway) -> CancelReason:
    """The reason for which the pathway stops, as a desk is told it."""
    if pathway.stop_reason == "died":
        return CancelReason.CLIENT_DIED
    known = set(CancelReason) - {CancelReason.OTHER}
    return CancelReason(pathway.stop_reason) if pathway.stop_reason in known else CancelReason.PLAN_CHANGED


# ------------------------------------------------------------------ its parts

_Decision = Callable[[Course, PathwayStep], None]


async def _decide(context: Context, errand: _Errand, decision: _Decision) -> None:
    async with context.db.begin(errand.actor) as tx:
        await _now(errand, tx, decision)


async def _now(errand: _Errand, tx: Tx, decision: _Decision) -> None:
    """Decide on the step, unless it moved on meanwhile."""
    course = await lock_course(errand.pathway.id, tx)
    step = course.steps[errand.step.key]
    if step.state == errand.step.state and step.attempt == errand.step.attempt:
        decision(course, step)
        course.settle()


async def _forget(context: Context, errand: _Errand) -> None:
    """Nothing is to be done for a step in this state."""

    def take_out(course: Course, step: PathwayStep) -> None:
        step.send_after = None

    await _decide(context, errand, take_out)


_DOES: dict[StepState, Callable[[Context, _Errand], Awaitable[None]]] = {
    StepState.READY: _send_ready,
    StepState.UNDOING: _take_back,
    StepState.SENT: _call_back,
}
