"""Logs: one JSON object a line, with service and trace. They hold ids and codes, never a person's data."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog

from sinergi import tracing
from sinergi.settings import Settings

#: how many of the innermost frames of an error are told
FRAMES = 8


def place_of_error(_: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Say where an error arose, not its message: a database's message may quote the very row that it refused."""
    wrong = entry.pop("exc_info", None)
    wrong = sys.exc_info()[1] if wrong is True else wrong[1] if isinstance(wrong, tuple) else wrong
    if isinstance(wrong, BaseException):
        frames = traceback.extract_tb(wrong.__traceback__)[-FRAMES:]
        entry["error"] = type(wrong).__name__
        entry["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return entry


def configure_logs(service: str, settings: Settings) -> None:
    """Make structlog and the standard library's logging write one kind of line to standard error."""

    def with_place(_: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
        entry["service"] = service
        if trace := tracing.trace_id():
            entry["trace_id"] = trace
        return entry

    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        with_place,
        place_of_error,
    ]
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    shown: list[Any] = [console] if settings.log_format == "console" else [structlog.processors.JSONRenderer()]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=shared + shown,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        foreign_pre_chain=shared,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
