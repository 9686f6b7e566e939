"""Each contender in a process of its own, so that its memory can be told: `python -m bench.linkage_runs WHO FOLDER`."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.linkage_lists import city, ministry

MEMORY_MB = 700
SPLINK_MEMORY_MB = 4000  # what it needs
#: of one contender, before it is given up
TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from the raw files to the links, the most memory (RSS, MB), and what the contender tells of itself."""

    seconds: float
    peak_mb: float
    told: dict[str, Any] = field(default_factory=dict)


def run(who: str, folder: Path) -> Run:
    """Run one contender (`floor`, `ours`, `splink`); its links are in `links(who, folder)`."""
    command = [sys.executable, "-m", "bench.linkage_runs", who, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{who} failed: {done.stderr[-2000:]}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def links(who: str, folder: Path) -> Path:
    """Where the links of a contender are."""
    return folder / f"{who}.parquet"


def _floor(folder: Path) -> dict[str, Any]:
    """The least that any matching must do: read from both raw files the columns that it needs, join on NIK, write the
    rows' numbers. Nothing is cleaned or compared, so what it writes is fewer and worse links."""
    from services.registry.linkage.sources import Job, connect, load, unordered

    job = Job(ministry(folder), city(folder), links("floor", folder), folder, MEMORY_MB)
    with connect(job) as connection:
        load(connection, "l", job.left)
        load(connection, "r", job.right)
        unordered(connection)
        pairs = "SELECT l.rowid + 1 AS left_id, r.rowid + 1 AS right_id FROM l JOIN r ON l.nik = r.nik"
        connection.execute(f"COPY ({pairs}) TO '{job.output}' (FORMAT parquet)")
    return {}


def _ours(folder: Path) -> dict[str, Any]:
    from services.registry.linkage.engine import link
    from services.registry.linkage.sources import Job

    outcome = link(Job(ministry(folder), city(folder), links("ours", folder), folder, MEMORY_MB))
    return {"stages": outcome.seconds, "review": outcome.review_share, "candidates": outcome.candidates}


def _splink(folder: Path) -> dict[str, Any]:
    from bench.linkage_splink import link

    return {"stages": link(ministry(folder), city(folder), links("splink", folder), SPLINK_MEMORY_MB)}


def main(who: str, folder: Path) -> None:
    """Run it here, and print what `run` reads. The clock starts when its modules are loaded."""
    contender = {"floor": _floor, "ours": _ours, "splink": _splink}[who]
    if who == "splink":
        import bench.linkage_splink  # noqa: F401
    began = time.monotonic()
    told = contender(folder)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "told": told}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
