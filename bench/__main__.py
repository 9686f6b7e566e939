"""`python -m bench [P1 …]`: measure the promises, all or those named. Ends with 0 whatever the ratios are, with 1
when one could not be measured."""

import importlib
import sys
import traceback

from bench.outcome import show
from bench.stage import Stage

BENCHES = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12")


def measure(name: str) -> bool:
    """Measure one on servers of its own; False when that was not possible."""
    try:
        with Stage() as stage:
            outcome = importlib.import_module(f"bench.{name.lower()}").run(stage)
    except Exception:
        traceback.print_exc()
        show(f"{name} could not be measured")
        return False
    outcome.write()
    show(outcome.line())
    return True


def main(names: list[str]) -> int:
    """The exit code."""
    if unknown := set(names) - set(BENCHES):
        show(f"There is no {', '.join(sorted(unknown))}: choose from {', '.join(BENCHES)}")
        return 2
    return 0 if all([measure(name) for name in names or BENCHES]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
