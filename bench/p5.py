"""P5, matching: two raw lists → links, against Splink 5 on DuckDB given the same cleaning, and against the floor (read
both, join on NIK, write). Asks nothing of the servers. SINERGI_BENCH_PEOPLE sets how many people each list holds."""

import os
import tempfile
from pathlib import Path
from typing import Any

from bench import linkage_febrl
from bench.linkage_lists import accepted, best_guess, quality, write_lists
from bench.linkage_runs import Run, links
from bench.linkage_runs import run as run_one
from bench.outcome import Outcome, show
from bench.stage import Stage

ROWS = int(os.environ.get("SINERGI_BENCH_PEOPLE", "200000"))
GOAL, FLOOR_GOAL, PEAK_GOAL_MB, F1_GOAL = 0.25, 6.0, 1200, 0.999
#: lists of so many rows hold 85 % of the same people
PEOPLE_PER_ROW = 1.081
#: harder lists, at most this long: what they show is quality, not speed
HARD_ROWS = 50_000
HARD: dict[str, tuple[dict[str, object], float]] = {
    "25 % / 6 % errors": ({"errors": (0.06, 0.25)}, 0.9976),
    "no household ids": ({"without_kk": True}, 0.9945),
    "no NIK": ({"without_nik": True}, 0.992),
    "neither": ({"without_nik": True, "without_kk": True}, 0.992),
    "7 people a KK": ({"household_size": "crowded"}, F1_GOAL),
}


def run(stage: Stage) -> Outcome:
    """Ours, the floor and Splink on the same files; then the harder lists and febrl4."""
    figures: dict[str, Any] = {"rows": ROWS, "febrl4_f1": linkage_febrl.run()}
    for rows in sorted({10_000, min(50_000, ROWS)} - {ROWS}):
        figures[f"{rows}"] = _one(rows, ("ours", "splink"))
    figures |= (last := _one(ROWS, ("floor", "ours", "splink")))
    for name, (options, goal) in HARD.items():
        show(f"  {name} (goal F1 >= {goal}):")
        figures[name] = _one(min(HARD_ROWS, ROWS), ("ours",), **options)
    ratio, over_floor = (
        last["ours"]["seconds"] / last["splink"]["seconds"],
        last["ours"]["seconds"] / last["floor"]["seconds"],
    )
    show(f"  ours / floor {over_floor:.1f}, goal <= {FLOOR_GOAL}; peak goal <= {PEAK_GOAL_MB} MB, F1 >= {F1_GOAL}")
    return Outcome("P5", ratio, GOAL, at_most=True, figures={**figures, "over_floor": over_floor})


def _one(rows: int, contenders: tuple[str, ...], **options: Any) -> dict[str, Any]:
    """Generate the lists, run the contenders, show and return what each did."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="sinergi-bench-") as place:
        folder = write_lists(Path(place), int(rows * PEOPLE_PER_ROW), seed=5, **options)
        for who in contenders:
            figures[who] = _told(who, rows, run_one(who, folder), folder)
    return figures


def _told(who: str, rows: int, done: Run, folder: Path) -> dict[str, Any]:
    output = links(who, folder)
    found = quality(folder, accepted(output) if who == "ours" else f"SELECT left_id, right_id FROM '{output}'")
    line = f"  {rows:>9,} rows, {who:6}: {done.seconds:6.1f} s, {done.peak_mb:5.0f} MB, {found}"
    told = {"seconds": done.seconds, "peak_mb": done.peak_mb, "f1": found.f1, **done.told}
    if who == "ours":
        guess = quality(folder, best_guess(output))
        line += f", to review {done.told['review']:.2%} (best guess F1 {guess.f1:.5f})"
        told["guess_f1"] = guess.f1
    show(line)
    return told
