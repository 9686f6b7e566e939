"""What a bench found: one ratio, its goal, and the figures behind it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent.parent / "test-results" / "bench.jsonl"


@dataclass(frozen=True)
class Outcome:
    """`ratio` against `goal`: to be reached, or not to be passed with `at_most`. `figures` go into the results."""

    name: str
    ratio: float
    goal: float
    at_most: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is kept, judged by the ratio as it is printed."""
        ratio = round(self.ratio, 2)
        return ratio <= self.goal if self.at_most else ratio >= self.goal

    def line(self) -> str:
        """The bench's last line, e.g. `P1 ratio 0.93 goal >= 0.80 met`."""
        sign, word = "<=" if self.at_most else ">=", "met" if self.met else "missed"
        return f"{self.name} ratio {self.ratio:.2f} goal {sign} {self.goal:.2f} {word}"

    def write(self) -> None:
        """Append it to test-results/bench.jsonl."""
        RESULTS.parent.mkdir(exist_ok=True)
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "bench": self.name,
            "ratio": round(self.ratio, 4),
            "goal": self.goal,
            "met": self.met,
            **self.figures,
        }
        with RESULTS.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def show(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def compare(bare: Sequence[float], ours: Sequence[float], unit: str) -> float:
    """Show both medians; returns ours / bare."""
    show(f"  median: bare {median(bare):,.2f} {unit}, ours {median(ours):,.2f} {unit}")
    return median(ours) / median(bare)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
