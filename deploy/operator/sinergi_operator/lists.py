"""Hands a list to the registry and watches it being read: the story's way in, and the operator's command."""

import asyncio
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sinergi_operator.place import Api, console

LOOK_SECONDS = 0.1
STAGES = {"reading": "reading and checking", "matching": "matching with known people", "applying": "storing"}
COUNTS = {
    "rows_good": "good rows",
    "rows_bad": "bad rows",
    "persons_new": "new people",
    "persons_matched": "matched with known people",
    "persons_changed": "changed people",
    "pairs_for_review": "pairs for review",
}


async def hand_in(api: Api, file: Path, source: str, title: str, corrects: str | None = None) -> dict[str, Any]:
    """The import when it has ended, completed or failed; with `corrects` the rows correct those of that import.

    Raises Refused when the registry does not take the file.
    """
    path = f"/imports/{corrects}/corrections" if corrects else "/imports"
    with file.open("rb") as content:
        started = await api.post("registry", path, files={"file": (file.name, content)}, data={"source": source})
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=1)
        while True:
            told: dict[str, Any] = await api.get("registry", f"/imports/{started['id']}")
            stage = STAGES.get(told.get("stage") or "", "waiting")
            bar.update(task, completed=told.get("share") or 0, description=f"{title}: {stage}")
            if told["state"] in ("completed", "failed"):
                return told
            await asyncio.sleep(LOOK_SECONDS)


async def import_list(api: Api, file: Path, source: str, corrects: str | None) -> bool:
    """Hand in a list and tell what became of it; its bad rows lie beside it as a workbook. Whether it completed."""
    told = await hand_in(api, file, source, f"   {file.name}", corrects)
    if told["state"] == "failed":
        console.print(f"[red]{told['problem']['detail']}[/]", soft_wrap=True)
        return False
    table = Table(title=f"{file.name} (import {told['id']})", show_header=False)
    for name, words in COUNTS.items():
        if told.get(name) is not None:
            table.add_row(words, f"{told[name]:,}")
    console.print(table)
    if told["rows_bad"]:
        await _keep_bad_rows(api, file, told["id"])
    return True


async def _keep_bad_rows(api: Api, file: Path, import_id: str) -> None:
    workbook = file.with_name(f"{file.stem}.bad-rows.xlsx")
    workbook.write_bytes(await api.download("registry", f"/imports/{import_id}/errors.xlsx"))
    workbook.chmod(0o600)
    console.print(
        f"The bad rows, and what is wrong with each, are in {workbook}. Correct them there, then:\n"
        f"  sinergi import {workbook} --corrects {import_id}",
        soft_wrap=True,
    )
