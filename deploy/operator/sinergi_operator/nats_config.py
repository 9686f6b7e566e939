"""The configuration of nats-server for the embedded default: an account for the core, one for each agency."""

import json
import re
from pathlib import Path

from sinergi.events import STREAMS

CORE_USERS: list[str] = ["registry", "cases", "referrals", "notify", "console", "operator"]
"""The users of account SINERGI: one for each service, and the operator."""

SYSTEM_USER = "operator-sys"
"""The user of the system account; its key is optional."""

RESERVED = {*CORE_USERS, SYSTEM_USER, "core"}
"""Names that no agency may take: users of ours, and the audience of our own services."""

OWN_EVENTS: dict[str, list[str]] = {"console": []} | dict(STREAMS.values())
"""The subjects on which a service alone may state facts."""

EVERY_SERVICE = ["$JS.API.>", "$JS.ACK.>", "dead.>", "_INBOX.>", "sinergi.ask.>"]

AGENCY_CONNECTIONS = 32
AGENCY_SUBSCRIPTIONS = 1000
AGENCY_PAYLOAD_BYTES = 64 * 1024
AGENCY_LEAFNODES = 2
"""What one agency may hold, so that it cannot use up what all share; a command's longest body is about 20 KB."""

AGENCY_CODE = re.compile(r"[a-z0-9-]{2,12}")

HEAD = """\
server_name: sinergi
listen: {listen}
{options}
jetstream {{
  store_dir: {store_dir}
  max_memory_store: 256MB
  max_file_store: 20GB
  # Without it a power cut loses acknowledged messages (DESIGN.md, Outbox).
  sync_interval: always
}}

accounts {{
"""

CORE = """\
  SINERGI {{
    jetstream: enabled
    users: [
{users}
    ]
    # The numbered token is the agency's account: the server puts it there, an agency cannot choose another's.
    exports: [
      {{ service: "$JS.API.CONSUMER.MSG.NEXT.REFERRALS.*", response_type: stream, account_token_position: 7 }}
      {{ service: "$JS.API.CONSUMER.INFO.REFERRALS.*", account_token_position: 6 }}
      {{ service: "$JS.ACK.REFERRALS.*.>", account_token_position: 4 }}
      {{ service: "sinergi.cmd.*.>", account_token_position: 3 }}
    ]
  }}
"""

AGENCY = """\
  {code} {{
    users: [ {{ nkey: {nkey} }} ]
    limits {{ max_connections: {connections}, max_leafnodes: {leafnodes}
      max_subscriptions: {subscriptions}, max_payload: {payload} }}
    imports: [
      {{ service: {{ account: SINERGI, subject: "$JS.API.CONSUMER.MSG.NEXT.REFERRALS.{code}" }}
        to: "SIN.API.CONSUMER.MSG.NEXT.REFERRALS.me" }}
      {{ service: {{ account: SINERGI, subject: "$JS.API.CONSUMER.INFO.REFERRALS.{code}" }}
        to: "SIN.API.CONSUMER.INFO.REFERRALS.me" }}
      {{ service: {{ account: SINERGI, subject: "$JS.ACK.REFERRALS.{code}.>" }} }}
      {{ service: {{ account: SINERGI, subject: "sinergi.cmd.{code}.>" }}, to: "sinergi.cmd.>" }}
    ]
  }}
"""

SYSTEM = """\
  SYS {{ users: [ {{ nkey: {nkey} }} ] }}
"""


def render(
    public_keys: dict[str, str],
    agencies: list[str],
    *,
    port: int,
    store_dir: Path,
    http_port: int | None = None,
    ports_file_dir: Path | None = None,
    pid_file: Path | None = None,
    listen: str = "127.0.0.1",
    leaf_port: int | None = None,
) -> str:
    """A complete nats-server configuration (DESIGN.md, "Agencies: one NATS account each").

    `public_keys`: user -> NKEY public key, for every one of `CORE_USERS` and `agencies`; with `SYSTEM_USER`
    too there is a system account; with `leaf_port` agencies' own servers may connect there as leaf nodes.
    Errors: `ValueError` for an agency code that breaks the rule, `KeyError` for a missing key.
    """
    _check(agencies)
    options = _options(listen, http_port, ports_file_dir, pid_file, SYSTEM_USER in public_keys)
    if leaf_port is not None:  # leaves keep to the address that they were told: ours from inside is not theirs
        options += f"leafnodes {{ listen: {_quote(f'{listen}:{leaf_port}')}, no_advertise: true }}\n"
    head = HEAD.format(listen=_quote(f"{listen}:{port}"), options=options, store_dir=_quote(str(store_dir)))
    users = "\n".join(f"      {_core_user(user, public_keys[user])}" for user in CORE_USERS)
    accounts = [_agency(code, public_keys[code]) for code in agencies]
    if SYSTEM_USER in public_keys:
        accounts.append(SYSTEM.format(nkey=public_keys[SYSTEM_USER]))
    return head + CORE.format(users=users) + "".join(accounts) + "}\n"


def _agency(code: str, nkey: str) -> str:
    return AGENCY.format(
        code=code,
        nkey=nkey,
        connections=AGENCY_CONNECTIONS,
        subscriptions=AGENCY_SUBSCRIPTIONS,
        payload=AGENCY_PAYLOAD_BYTES,
        leafnodes=AGENCY_LEAFNODES,
    )


def _check(agencies: list[str]) -> None:
    for code in agencies:
        if not AGENCY_CODE.fullmatch(code) or code in RESERVED:
            raise ValueError(f"not an agency code ([a-z0-9-]{{2,12}}, and none of ours): {code!r}")
    if len(set(agencies)) < len(agencies):
        raise ValueError("an agency code occurs twice")


def _options(
    listen: str, http_port: int | None, ports_file_dir: Path | None, pid_file: Path | None, system: bool
) -> str:
    lines = [
        f"http: {_quote(f'{listen}:{http_port}')}" if http_port is not None else "",
        f"ports_file_dir: {_quote(str(ports_file_dir))}" if ports_file_dir else "",
        f"pid_file: {_quote(str(pid_file))}" if pid_file else "",
        "system_account: SYS" if system else "",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _core_user(user: str, nkey: str) -> str:
    """One line: the operator may publish everything, a service its own facts and what every service needs."""
    if user == "operator":
        return f"{{ nkey: {nkey} }}  # {user}"
    allowed = json.dumps([*OWN_EVENTS[user], *EVERY_SERVICE])
    permissions = f'{{ publish: {{ allow: {allowed} }}, subscribe: ">", allow_responses: true }}'
    return f"{{ nkey: {nkey}, permissions: {permissions} }}  # {user}"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
