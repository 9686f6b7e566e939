"""A service as a process: FastAPI's lifespan around the database and the bus, health, problems, logs, migrations.

service = Service("cases", router=api.router, bus=consumers.bus)
app = service.app
if __name__ == "__main__":
    service.run()
"""

import asyncio
import gc
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import asyncpg
import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from sinergi import tracing
from sinergi.auth import Actor, Verifier
from sinergi.bus import Bus, Running
from sinergi.clock import Clock, Ringing
from sinergi.contract import contract
from sinergi.db import Database, Tx, is_outage, is_unkeepable
from sinergi.logs import configure_logs
from sinergi.metrics import REFUSED
from sinergi.migrate import migrate
from sinergi.problems import Refused
from sinergi.settings import Settings
from sinergi.tasks import beside
from sinergi.workdays import Calendar, read_holidays

log = structlog.get_logger()

#: extra work that a service runs beside the bus: entered at start, left at the end
Extra = Callable[["Context"], AbstractAsyncContextManager[None]]


class Context:
    """What a running service holds: its settings, database, bus, token verifier, and calendar of working days."""

    def __init__(self, settings: Settings, db: Database, bus: Running, verifier: Verifier, calendar: Calendar) -> None:
        self.settings, self.db, self.bus, self.verifier, self.calendar = settings, db, bus, verifier, calendar


class Service:
    """One service. Nothing is opened on import; `app` opens it in its lifespan.

    `prepare` runs before the tables are migrated, `extras` after the bus has started, and the `clock` last.
    """

    def __init__(
        self,
        name: str,
        *,
        router: APIRouter,
        bus: Bus,
        settings: type[Settings] = Settings,
        clock: Clock | None = None,
        prepare: Callable[[Settings], None] = lambda settings: None,
        extras: Sequence[Extra] = (),
    ) -> None:
        self.name, self.bus, self._clock = name, bus, clock
        self._settings, self._prepare, self._extras = settings, prepare, extras
        # our own span (Traced) goes on into the outbox; FastAPI's would only double it, and log errors' texts
        self.app = FastAPI(
            title=f"Sinergi {name}",
            version="0.1.0",
            generate_unique_id_function=lambda route: route.name,
            lifespan=self._lifespan,
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self.app.include_router(router)
        self.app.include_router(health)
        self.app.add_middleware(Traced)
        self.app.add_exception_handler(Refused, _refused)
        self.app.add_exception_handler(RequestValidationError, _invalid)
        self.app.add_exception_handler(HTTPException, _http)
        for outage in (
            DBAPIError,
            ConnectionError,
            PoolTimeout,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OverflowError,
        ):
            self.app.add_exception_handler(outage, _outage)
        self.app.add_exception_handler(Exception, _failed)

    def run(self) -> None:
        """`python -m services.<name>.main [serve|migrate|contract]`."""
        if sys.argv[1:] == ["contract"]:
            print(json.dumps(contract(self.app, self.bus)))
            return
        settings = self._settings()
        configure_logs(self.name, settings)
        if sys.argv[1:] == ["migrate"]:
            self._prepare(settings)
            asyncio.run(migrate(self.name, settings))
            return
        uvicorn.run(
            self.app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,  # an open SSE would hold the process for ever
        )

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        settings = self._settings()
        tracing.start()
        self._prepare(settings)
        if settings.migrate:
            await migrate(self.name, settings)
        db = Database(settings, self.name)
        bus = Running(self.bus, settings, db)
        app.state.context = context = Context(
            settings, db, bus, Verifier(settings), read_holidays(settings.holidays_file)
        )
        self.bus.context = context
        async with AsyncExitStack() as stack:
            stack.push_async_callback(db.close)
            await bus.start()
            stack.push_async_callback(bus.stop)
            for extra in self._extras:
                await stack.enter_async_context(extra(context))
            if self._clock:
                await stack.enter_async_context(beside(Ringing(self._clock, db, settings.retry_delays).run()))
            # What is here now stays: the collector need not walk through it again and again (tens of ms each time).
            gc.collect()
            gc.freeze()
            log.info("service.started")
            yield


# ---------------------------------------------------------------------- doors


async def context_of(request: Request) -> Context:
    """The running service's context. (Not a plain function: FastAPI would call that in a thread.)"""
    context: Context = request.app.state.context
    return context


_bearer = HTTPBearer(auto_error=False, description="an OIDC access token")


async def current_actor(
    context: Annotated[Context, Depends(context_of)],
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """The actor of the request's bearer token; 401 without a valid one."""
    if token is None:
        raise Refused("not-signed-in", "Sign in first: a bearer token is needed.", "unauthenticated")
    return await context.verifier.actor(token.credentials)


Ctx = Annotated[Context, Depends(context_of)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


async def obey(
    context: Context,
    command: Callable[[Any, Actor, Tx], Awaitable[Any]],
    request: BaseModel,
    actor: Actor,
    key: str | None = None,
    *,
    compare: bool = True,
) -> Any:
    """Run a command in one transaction, once for each idempotency key: the one way in from both doors.

    Returns the command's answer as JSON-ready data; an answer given before under the same key is given again. With
    `compare` another request under the same key is refused; without it the first one counts: a plug-in to which an
    event is given again after midnight may compute another date.
    """
    async with context.db.begin(actor) as tx:
        if key and (earlier := await tx.answered(key, _named(command, request if compare else None))) is not None:
            return earlier
        answer = await command(request, actor, tx)
        if isinstance(answer, BaseModel):
            answer = answer.model_dump(mode="json")
        await tx.remember(answer)
        return answer


def _named(command: Any, request: BaseModel | None) -> str:
    return f"{getattr(command, 'action', '')}:{request.model_dump_json() if request else ''}"


# --------------------------------------------------------------------- health

health = APIRouter(tags=["health"])


@health.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@health.get("/readyz")
async def ready(context: Ctx, response: Response) -> dict[str, Any]:
    """Whether the service can do its work: database, NATS, and each of its consumers on the server."""
    missing = await context.bus.ready() + ([] if await context.db.answers() else ["database"])
    response.status_code = 503 if missing else 200
    return {"ready": not missing, "missing": missing}


@health.get("/metrics")
async def metrics() -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


# ------------------------------------------------------------------- problems


def problem(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An RFC 9457 answer."""
    asked = {"WWW-Authenticate": "Bearer"} if body["status"] == 401 else {}
    return JSONResponse(body, body["status"], asked | dict(headers or {}), media_type="application/problem+json")


async def _refused(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, Refused)
    REFUSED.labels(wrong.slug).inc()
    return problem(wrong.problem())


async def _invalid(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, RequestValidationError)
    rules = [
        {"field": ".".join(map(str, one["loc"])), "rule": one["type"], "message": one["msg"]} for one in wrong.errors()
    ]
    return problem(Refused("request-not-valid", "Some fields break their rules.", errors=rules).problem())


async def _outage(request: Request, wrong: Exception) -> JSONResponse:
    if is_unkeepable(wrong):
        detail = "A date or a number is too large or too small, or a text holds a NUL character."
        return problem(Refused("request-not-valid", detail).problem())
    if not is_outage(wrong):
        raise wrong
    log.warning("request.database_unavailable", error=type(wrong).__name__)
    return problem(Refused("database-unavailable", "It cannot be done now. Try again.", "unavailable").problem())


async def _failed(request: Request, wrong: Exception) -> JSONResponse:
    """The error itself goes to the log only (Starlette raises it again): its text may quote a row."""
    return problem(
        {
            "type": "urn:sinergi:problem:failed",
            "title": "Failed",
            "status": 500,
            "detail": "It failed on our side. Try again later.",
        }
    )


async def _http(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, HTTPException)
    slug = {404: "not-found", 405: "method-not-allowed"}.get(wrong.status_code, "http-error")
    return problem(
        {
            "type": f"urn:sinergi:problem:{slug}",
            "title": slug,
            "status": wrong.status_code,
            "detail": str(wrong.detail),
        },
        wrong.headers,  # a 405 names the methods that there are
    )


class Traced:
    """ASGI middleware: each request is a span, child of the caller's `traceparent`."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"}
        with tracing.span(f"{scope['method']}", carrier):
            await self._app(scope, receive, send)
