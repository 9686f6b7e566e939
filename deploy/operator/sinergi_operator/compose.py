"""What docker-compose.yml runs once at each start; what is there already stays.

python -m sinergi_operator.compose secrets --to /secrets --agencies koperasi bptsp --outside "" --revoked ""
python -m sinergi_operator.compose database --secrets /run/secrets
python -m sinergi_operator.compose directory --revoked ""
"""

import argparse
import asyncio
import json
from collections.abc import Collection
from pathlib import Path

from sinergi_operator.database import setup_database
from sinergi_operator.directory import fill
from sinergi_operator.keys import ensure_key, ensure_keys, ensure_secret
from sinergi_operator.nats_config import CORE_USERS, render
from sinergi_operator.place import Api, read_logins
from sinergi_operator.setup import SERVICES, ensure_user_files, replace

DATABASE = "sinergi"
OPERATOR = Path("/run/secrets")
"""Where a container of the operator sees its secrets."""

URLS = {service: f"http://{service}:{8080 if service == 'console' else 8000}" for service in SERVICES}
PLACE = {
    "urls": URLS,
    "nats_url": "nats://nats:4222",
    "seed_file": str(OPERATOR / "operator.nk"),
    "logins": str(OPERATOR / "logins.json"),
    "mail": "/mail",
}
"""The file `place.json` that tells `sinergi --remote` where everything is."""


def ensure_secrets(to: Path, agencies: list[str], outside: list[str], revoked: Collection[str] = ()) -> None:
    """Make every secret, in one folder (a volume) for each reader, so that no container sees another's.

    `agencies` have their plug-in in a container of ours; `outside` are those whose key the operator hands over; those
    that are `revoked` have no account.
    `<user>/<user>.nk` the NKEY seed, `<service>/database-url`, `registry/seal`, `cases/notes`,
    `referrals/webhooks`, `nats/nats.conf`, `postgres/password`,
    `database/<service>` the role's password and `database/postgres` the superuser's, `console/users.json`,
    `operator/logins.json`, `operator/place.json`, `operator/<outside>.nk`.
    Errors: `ValueError` for a code that no agency may have.
    """
    keys: dict[str, str] = {}
    for user in [*CORE_USERS, *agencies]:
        keys |= ensure_keys(to / user, [user])
    keys |= ensure_keys(to / "operator", outside)
    codes = [code for code in (*agencies, *outside) if code not in revoked]
    every = "0.0.0.0"  # noqa: S104 - of the container: the compose network is the border
    replace(to / "nats" / "nats.conf", render(keys, codes, port=4222, store_dir=Path("/data"), listen=every))
    for service in SERVICES:
        password = ensure_secret(to / "database" / service)
        replace(to / service / "database-url", f"postgresql://{service}:{password}@postgres:5432/{DATABASE}")
    ensure_key(to / "registry" / "seal")
    ensure_key(to / "cases" / "notes")
    ensure_key(to / "referrals" / "webhooks")
    # PostgreSQL's image reads it as a user of its own; the volume keeps everybody else away.
    replace(to / "postgres" / "password", ensure_secret(to / "database" / "postgres"), mode=0o444)
    ensure_user_files(users_file=to / "console" / "users.json", logins_file=to / "operator" / "logins.json")
    replace(to / "operator" / "place.json", json.dumps(PLACE, indent=1))


async def prepare_database(folder: Path) -> None:
    """Give each service its role and schema; `folder` holds the passwords, as `database/` above."""
    admin = (folder / "postgres").read_text().strip()
    passwords = {service: (folder / service).read_text().strip() for service in SERVICES}
    await setup_database(f"postgresql://postgres:{admin}@postgres:5432/postgres", DATABASE, passwords)


async def fill_directory(revoked: list[str]) -> None:
    """Tell the running services of the two agencies (unless they are revoked), what they offer, and who gets mail."""
    logins = read_logins(OPERATOR / "logins.json")
    api = Api(URLS, logins["operator"])
    try:
        await fill(api, {login.username: login.sub for login in logins.values()}, revoked)
    finally:
        await api.close()


def main() -> None:
    """The three commands above."""
    parser = argparse.ArgumentParser(prog="python -m sinergi_operator.compose")
    commands = parser.add_subparsers(required=True, dest="command")
    make = commands.add_parser("secrets")
    make.add_argument("--to", type=Path, required=True)
    make.add_argument("--agencies", nargs="*", default=[])
    make.add_argument("--outside", default="", help="codes with spaces between")
    commands.add_parser("database").add_argument("--secrets", type=Path, required=True)
    fill_in = commands.add_parser("directory")
    for each in (make, fill_in):
        each.add_argument("--revoked", default="", help="codes with spaces between")
    given = parser.parse_args()
    if given.command == "secrets":
        ensure_secrets(given.to, given.agencies, given.outside.split(), given.revoked.split())
    elif given.command == "database":
        asyncio.run(prepare_database(given.secrets))
    else:
        asyncio.run(fill_directory(given.revoked.split()))


if __name__ == "__main__":
    main()
