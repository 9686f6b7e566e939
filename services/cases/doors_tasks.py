"""Tasks over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import tasks
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["tasks"])


@router.get("/tasks")
async def list_tasks(what: Annotated[tasks.ListTasks, Query()], who: Who, context: Ctx) -> Any:
    """What I have to do; for a supervisor, the office too."""
    async with context.db.begin(who) as tx:
        return await tasks.list_tasks(what, who, tx)


@router.post("/tasks/{task_id}/finish")
async def finish_task(task_id: UUID, body: tasks.FinishTask, who: Who, context: Ctx, key: Key = None) -> Any:
    """It is done."""
    return await obey(context, tasks.finish_task, body.model_copy(update={"task_id": task_id}), who, key)


@router.post("/tasks/{task_id}/reassign")
async def reassign_task(task_id: UUID, body: tasks.ReassignTask, who: Who, context: Ctx, key: Key = None) -> Any:
    """Somebody else shall do it."""
    return await obey(context, tasks.reassign_task, body.model_copy(update={"task_id": task_id}), who, key)


@router.post("/cases/{case_id}/tasks", status_code=201)
async def remember_task(case_id: UUID, body: tasks.RememberTask, who: Who, context: Ctx, key: Key = None) -> Any:
    """Note something to do in my case."""
    return await obey(context, tasks.remember_task, body.model_copy(update={"case_id": case_id}), who, key)
