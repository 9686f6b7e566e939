"""What can be read of pathways: the templates, an office's list, and one with all its steps."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from services.referrals.pathway_commands import RETRIES, SKIPS
from services.referrals.pathway_models import Pathway, PathwayReferral, PathwayStep
from services.referrals.pathway_requests import ListPathways
from services.referrals.pathways import Shelf, Template, TemplateStep
from services.referrals.pathways.engine import ENDED
from services.referrals.queries import in_area
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx

Found = dict[str, Any]
LISTED = ("id", "version", "template", "state", "agency", "area", "worker", "client_kind", "client_id", "case_id",
          "step_id", "started_at", "ended_at")  # fmt: skip
#: what the one that is read shows beside
_MORE = ("template_version", "legal_basis", "documents", "stop_reason", "note")
_STEP = ("key", "state", "reason", "outcome", "evidence", "service", "referral_id", "attempt", "note", "due_on")


class Nothing(BaseModel):
    """A question without parameters."""


@permit("pathway.templates")
async def list_templates(what: Nothing, actor: Actor, tx: Tx) -> Found:
    """The newest version of each template, as its file says."""
    items = [one.model_dump(mode="json") for one in Shelf.current().all()]
    return {"items": items, "total": len(items)}


@permit("pathway.read")
async def list_pathways(what: ListPathways, actor: Actor, tx: Tx) -> Found:
    """A page of the actor's agency's pathways in its area, newest first: the index pathways_agency serves it."""
    query = select(Pathway).where(Pathway.agency == actor.agency, in_area(Pathway.area, actor.area))
    if what.state:
        query = query.where(Pathway.state == what.state)
    if what.case_id:
        query = query.where(Pathway.case_id == what.case_id)
    page = query.order_by(Pathway.id.desc()).offset((what.page - 1) * what.size).limit(what.size)
    total = await tx.session.scalar(select(func.count()).select_from(query.subquery()))
    return {"items": [_listed(one) for one in await tx.session.scalars(page)], "total": total}


@permit("pathway.read")
async def read_pathway(pathway_id: UUID, actor: Actor, tx: Tx) -> Found:
    """The pathway, where each step stands, its referrals, and the decisions that this actor may make; audited."""
    pathway = await tx.get(Pathway, pathway_id)
    actor.within(agencies=(pathway.agency,), area=pathway.area)
    await tx.audit("pathway.read", "pathway", [pathway_id], "follow the pathway")
    template = Template.model_validate(pathway.definition)
    rows = select(PathwayStep).where(PathwayStep.pathway_id == pathway_id).order_by(PathwayStep.position)
    sent = select(PathwayReferral).where(PathwayReferral.pathway_id == pathway_id)
    referrals = (await tx.session.scalars(sent.order_by(PathwayReferral.attempt))).all()
    return _listed(pathway) | {name: getattr(pathway, name) for name in _MORE} | {
        "steps": [
            _step(step, template.step(step.key), [one for one in referrals if one.step == step.key], pathway, actor)
            for step in await tx.session.scalars(rows)
        ],
        "actions": ["stop"] if _may_stop(actor, pathway) else [],
    }  # fmt: skip


def _listed(pathway: Pathway) -> Found:
    title = pathway.definition["title"]
    return {name: getattr(pathway, name) for name in LISTED} | {"title": title}


def _step(step: PathwayStep, said: TemplateStep, sent: list[PathwayReferral], pathway: Pathway, actor: Actor) -> Found:
    return {name: getattr(step, name) for name in _STEP} | {
        "title": said.title.model_dump(),
        "after": said.after.model_dump(),
        "optional": said.optional,
        "documents": said.documents,
        "undo": said.undo.model_dump() if said.undo else None,
        "waits_until": step.send_after if step.state == "ready" and not step.tries else None,
        "referrals": [{name: getattr(one, name) for name in ("referral_id", "service", "undoes")} for one in sent],
        "actions": _actions(step, said, pathway, actor),
    }


def _actions(step: PathwayStep, said: TemplateStep, pathway: Pathway, actor: Actor) -> list[str]:
    if not _open_to(actor, pathway):
        return []
    to_worker = step.state == "undo_failed" and (said.undo is None or said.undo.ask == "worker")
    may = {"retry_step": step.state in RETRIES and not to_worker, "skip_step": step.state in SKIPS}
    return [name for name, fits in may.items() if fits and actor.may(f"pathway.{name}")]


def _may_stop(actor: Actor, pathway: Pathway) -> bool:
    return _open_to(actor, pathway) and not pathway.stop_reason and actor.may("pathway.stop")


def _open_to(actor: Actor, pathway: Pathway) -> bool:
    return pathway.state not in ENDED and covers(actor.area, pathway.area)
