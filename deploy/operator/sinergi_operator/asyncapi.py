"""The AsyncAPI 3.0 documents: all that goes over NATS, and the part of it that an agency sees under its own account.

They are made from the events, from the streams' subjects, and from what each service says that it hears and answers.
"""

import inspect
from typing import Any

from sinergi.events import EVENTS, STREAMS, Event

Json = dict[str, Any]
OURS = sorted(
    (event for event in EVENTS.values() if event.__module__.startswith("sinergi.events")), key=lambda event: event.name
)
_TEXT = {"type": "string"}
HEADERS: Json = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode: plain ASCII headers beside a JSON body.",
    "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "ce-partitionkey", "ce-sequence"],
    "properties": {
        "ce-specversion": {"type": "string", "const": "1.0"},
        "ce-id": _TEXT | {"description": "the same for every audience and each delivery"},
        "ce-type": _TEXT | {"description": "`sinergi.` and the event's name"},
        "ce-source": _TEXT | {"description": "the service that tells it"},
        "ce-time": {"type": "string", "format": "date-time"},
        "ce-partitionkey": _TEXT | {"description": "the id of what it is about"},
        "ce-sequence": _TEXT | {"description": "the version of what it is about, after this fact"},
        "ce-correlationid": _TEXT,
        "ce-causationid": _TEXT | {"description": "the event that caused this one"},
        "ce-traceparent": _TEXT,
        "ce-dataref": _TEXT,
        "content-type": _TEXT,
    },
}
REQUEST: Json = {
    "type": "object",
    "description": "The body as over HTTP (openapi/referrals.json), with the id that the path holds there.",
    "properties": {"idempotency_key": {"type": "string", "minLength": 1, "maxLength": 200}},
}
ANSWER: Json = {
    "type": "object",
    "description": "What the command answers, or `problem`: an RFC 9457 object.",
    "properties": {"problem": {"type": "object", "required": ["type", "title", "status", "detail"]}},
}
LICENCE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}


def core(contracts: dict[str, Json]) -> Json:
    """What the services tell and hear; `contracts`: service -> what it printed."""
    channels = _facts(OURS, "audience", "core, or the code of an agency that the fact concerns")
    operations: Json = {}
    for service, promised in contracts.items():
        told = [event for event in OURS if STREAMS[event.stream()][0] == service]
        heard = {*promised["hears"], *(subject.removesuffix(".core") for subject in promised["listens"])}
        operations |= _operations(service, "send", told)
        operations |= _operations(service, "receive", [event for event in OURS if event.type() in heard])
        for name, text in promised["commands"].items():
            _asked(channels, operations, f"sinergi.cmd.{{agency}}.{name}", name, text, "receive")
        for name, text in promised["questions"].items():
            _asked(channels, operations, f"sinergi.ask.{name}", name, text, "receive")
    return _document("Sinergi over NATS", "What the services of Sinergi tell each other.", channels, operations)


def agency(contracts: dict[str, Json]) -> Json:
    """What an agency hears and may ask for, under the names that its own NATS account gives. Of pathways and webhooks
    it hears nothing: its referrals are all that concerns a desk."""
    facts = [event for event in OURS if event.name.startswith("referral.")]
    channels = _facts(facts, "agency", "your own code")
    operations = _operations("agency", "receive", facts)
    for promised in contracts.values():
        for name, text in promised["commands"].items():
            _asked(channels, operations, f"sinergi.cmd.{name}", name, text, "send")
    words = "Facts come by the pull consumer `me` of stream REFERRALS (prefix `SIN.API`); see docs/agency.md."
    return _document("Sinergi for an agency", words, channels, operations)


def _facts(events: list[type[Event]], place: str, words: str) -> Json:
    channels: Json = {}
    for event in events:
        entity = event.name.split(".")[0]
        parameters = {
            "fact": {"description": "what happened"},
            "version": {"description": "v1, v2 …"},
            place: {"description": words},
        }
        made = channels.setdefault(
            entity,
            {
                "address": f"sinergi.{entity}.{{fact}}.{{version}}.{{{place}}}",
                "description": f"Facts about a {entity}, in stream {event.stream()}.",
                "messages": {},
                "parameters": parameters,
            },
        )
        made["messages"][event.name] = {"$ref": f"#/components/messages/{event.name}"}
    return channels


def _operations(who: str, action: str, events: list[type[Event]]) -> Json:
    made: Json = {}
    for event in events:
        entity = event.name.split(".")[0]
        about = {
            "action": action,
            "title": f"{who} {'tells' if action == 'send' else 'hears'} of a {entity}",
            "description": f"Facts of stream {event.stream()}; each is in order with others of the same {entity}.",
            "channel": {"$ref": f"#/channels/{entity}"},
            "messages": [],
            "tags": [{"name": who}],
        }
        operation = made.setdefault(f"{who}.{action}.{entity}", about)
        operation["messages"].append({"$ref": f"#/channels/{entity}/messages/{event.name}"})
    return made


def _asked(channels: Json, operations: Json, address: str, name: str, text: str, action: str) -> None:
    reply = f"{name}.reply"
    channels[name] = {"address": address, "messages": {name: {"$ref": "#/components/messages/request"}}}
    if "{agency}" in address:
        channels[name]["parameters"] = {"agency": {"description": "the account that asks, written by the server"}}
    channels[reply] = {"address": None, "messages": {reply: {"$ref": "#/components/messages/answer"}}}
    operations[name] = {
        "action": action,
        "title": name,
        "description": " ".join(text.split()) or f"The command {name}.",
        "tags": [{"name": name.split(".")[0]}],
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "reply": {
            "address": {"location": "$message.header#/reply", "description": "NATS' own reply subject"},
            "channel": {"$ref": f"#/channels/{reply}"},
            "messages": [{"$ref": f"#/channels/{reply}/messages/{reply}"}],
        },
    }


def _document(title: str, description: str, channels: Json, operations: Json) -> Json:
    used = {name for one in channels.values() for name in one["messages"]}
    messages: Json = {event.name: _message(event) for event in OURS if event.name in used}
    tags = {tag["name"] for one in operations.values() for tag in one["tags"]}
    schemas: Json = {"headers": HEADERS}
    if any(name not in messages for name in used):
        messages["request"] = _plain("A request", "request")
        messages["answer"] = _plain("An answer", "answer")
        schemas |= {"request": REQUEST, "answer": ANSWER}
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:sinergi:asyncapi:{title.lower().replace(' ', '-')}",
        "info": {
            "title": title,
            "version": "0.1.0",
            "description": description,
            "license": LICENCE,
            "contact": {"name": "The operator of your Sinergi"},
            "tags": [{"name": name} for name in sorted(tags)],
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": "nats.sinergi.example:4222", "protocol": "nats", "description": "NATS JetStream"}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(event: type[Event]) -> Json:
    text = inspect.getdoc(event) or ""
    return {
        "name": event.name,
        "title": event.__name__,
        "summary": " ".join(text.split("\n\n")[0].split()),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": {"$ref": f"../events/{event.name}.json"},
    }


def _plain(title: str, schema: str) -> Json:
    return {
        "name": schema,
        "title": title,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{schema}"},
    }
