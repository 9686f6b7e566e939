"""What the commands of `sinergi` have in common: where the running system is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sinergi_operator.place import Place, console, read_logins
from sinergi_operator.setup import SERVICES

State = Annotated[Path, typer.Option(envvar="SINERGI_STATE", help="the folder that keeps everything")]
Remote = Annotated[
    Path | None, typer.Option(envvar="SINERGI_PLACE", help="place.json of a running system instead of our own")
]
HERE = Path(".sinergi")


def place_of(file: Path) -> Place:
    """The system that this `place.json` tells of; ends the command with 1 when it is not there."""
    if not file.exists():
        console.print(f"[red]{file} is not there: is Sinergi running? Start it with `make up`.[/]")
        raise typer.Exit(1)
    told = json.loads(file.read_text())
    mail = Path(told["mail"]) if told.get("mail") else None
    urls = {name: told["urls"][name] for name in SERVICES}
    return Place(urls, told["nats_url"], Path(told["seed_file"]), read_logins(Path(told["logins"])), mail)
