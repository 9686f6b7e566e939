"""Trace context (W3C `traceparent`) from HTTP through the outbox and NATS to the plug-in and back.

Spans are OpenTelemetry's; a service exports them when OTEL_EXPORTER_OTLP_ENDPOINT is set and the exporter is
installed. Without that the ids still travel, and every log line carries them.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("sinergi")


def start() -> None:
    """Give this process a tracer that makes real trace ids; called once by a service at start.

    Spans that nobody exports are not recorded (that costs more than the rest of them); their ids travel all the same.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        exported = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ
        trace.set_tracer_provider(TracerProvider() if exported else TracerProvider(ParentBased(ALWAYS_OFF)))


@contextmanager
def span(name: str, carrier: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run the block in a span, child of the `traceparent` in the carrier if it holds one. No ids in names."""
    context = _propagator.extract(carrier or {})
    with _tracer.start_as_current_span(name, context=context, record_exception=False):
        yield


def traceparent() -> str:
    """The current span as a `traceparent` header's value, empty outside of one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def trace_id() -> str:
    """The current trace's id in hex, empty outside of a span."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""
