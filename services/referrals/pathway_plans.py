"""Pathways that a case's plan asks for: a step whose service is `pathway-<template>` starts one, and stops it when it
is withdrawn. The case follows by the pathway's own facts, which carry its step.
"""

from uuid import UUID

from sqlalchemy import select

from services.referrals.commands import return_referral
from services.referrals.pathway_commands import begin
from services.referrals.pathway_models import Pathway
from services.referrals.pathway_progress import lock_course
from services.referrals.pathway_requests import StartPlanned
from services.referrals.planned import sender
from services.referrals.requests import PATHWAY, SendReferral, parse
from sinergi.db import Tx
from sinergi.problems import Refused


async def start_planned(request: SendReferral, agency: str, worker: str, tx: Tx) -> None:
    """Start it for the case's worker. What is refused comes back to the case at once, as a referral that was declined:
    no such template, another kind of client, or the same one runs for the client already. The step's own, heard again,
    is left alone."""
    asked = request.model_dump(include=set(StartPlanned.model_fields))
    try:
        planned = parse(StartPlanned, asked | {"template": _template(request.service)})
        await begin(planned, agency, worker, tx)
    except Refused as no:
        if no.slug == "pathway-already-running" and no.extra.get("step_id") == str(request.step_id):
            return
        await return_referral(request, sender(agency), tx, why=no.slug)


async def stop_planned(service: str, client_id: UUID, step_id: UUID, reason: str, tx: Tx) -> None:
    """Stop the step's pathway, if it runs: found by the index of running ones."""
    running = (Pathway.client_id == client_id, Pathway.template == _template(service), Pathway.ended_at.is_(None))
    found = await tx.session.scalar(select(Pathway.id).where(*running, Pathway.step_id == step_id))
    course = await lock_course(found, tx) if found else None
    if course and not course.pathway.stop_reason and not course.pathway.ended_at:
        course.stop(reason)
        course.settle()


def _template(service: str) -> str:
    return service.removeprefix(PATHWAY)
