"""The HTTP door of pathways. Each route turns a request into a command or a query; nothing is decided here."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.referrals import pathway_commands, pathway_queries
from services.referrals.bodies import body_of, with_path
from services.referrals.pathway_queries import Nothing
from services.referrals.pathway_requests import ListPathways, RetryStep, SkipStep, StartPathway, StopPathway
from services.referrals.turn import Answer
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()


@router.post("/pathways", status_code=201, response_model=Answer)
async def start_pathway(body: StartPathway, context: Ctx, who: Who, key: Key = None) -> Any:
    """Start a chain of referrals for a client; its first steps go out by themselves."""
    return await obey(context, pathway_commands.start_pathway, body, who, key)


@router.get("/pathways")
async def list_pathways(what: Annotated[ListPathways, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """My agency's pathways, newest first."""
    async with context.db.begin(who) as tx:
        return await pathway_queries.list_pathways(what, who, tx)


@router.get("/pathways/templates")
async def list_templates(context: Ctx, who: Who) -> dict[str, Any]:
    """The chains that can be started."""
    async with context.db.begin(who) as tx:
        return await pathway_queries.list_templates(Nothing(), who, tx)


@router.get("/pathways/{pathway_id}")
async def read_pathway(pathway_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """A pathway with its steps and the decisions that I may make now."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await pathway_queries.read_pathway(pathway_id, who, tx)


def _add_command(path: str, request: Any, command: Any) -> None:
    """`POST /pathways/{id}/<command>`."""
    body_model = body_of(request, "pathway_id")

    async def give(
        pathway_id: UUID,
        body: body_model,  # type: ignore[valid-type]
        context: Ctx,
        who: Who,
        key: Key = None,
    ) -> Any:
        given = with_path(request, body, pathway_id=pathway_id)
        return await obey(context, command, given, who, key)

    name = command.__name__
    router.post(f"/pathways/{{pathway_id}}/{path}", name=name, description=command.__doc__, response_model=Answer)(give)


_add_command("retry-step", RetryStep, pathway_commands.retry_step)
_add_command("skip-step", SkipStep, pathway_commands.skip_step)
_add_command("stop", StopPathway, pathway_commands.stop_pathway)
