"""Trace context (W3C `traceparent`) from HTTP through the outbox and NATS to the plug-in and back.

The ids are OpenTelemetry's. They travel with every request and fact and stand in every log line; the spans themselves
are not exported yet.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("sinergi")


def start() -> None:
    """Give this process a tracer that makes real trace ids; called once by a service at start.

    Nobody exports the spans, so they are not recorded: that costs more than the rest of them.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(ParentBased(ALWAYS_OFF)))


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
