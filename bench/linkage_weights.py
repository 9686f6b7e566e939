"""`python -m bench.linkage_weights`: learn services/registry/linkage/weights.json anew from generated lists."""

import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench.linkage_lists import city, ministry, truth, write_lists
from services.registry.linkage import model
from services.registry.linkage.blocking import clean_rest, clean_streets, pair_up
from services.registry.linkage.exact import link_by_nik
from services.registry.linkage.learning import Patterns, learn_from
from services.registry.linkage.scoring import compare_all, counted, name_share
from services.registry.linkage.sources import Job, connect, load

PEOPLE = 100_000
LISTS: tuple[dict[str, object], ...] = (
    {},
    {"without_kk": True, "area": "31"},
    {"errors": (0.06, 0.25)},
    {"errors": (0.06, 0.25), "without_kk": True, "area": "31"},
    {"without_nik": True, "without_kk": True, "area": "31"},
)
_TRUE = "SELECT pattern, count(*) FROM compared JOIN truth USING (l, r) GROUP BY pattern"


def patterns(folder: Path) -> tuple[Patterns, Patterns, float]:
    """Of the candidates that the engine compares: those that are the same person, the others; and the name share."""
    job = Job(ministry(folder), city(folder), folder / "links.parquet", folder)
    with closing(connect(job)) as connection:
        load(connection, "l", job.left)
        load(connection, "r", job.right)
        link_by_nik(connection)
        for table in ("l", "r"):
            clean_rest(connection, table)
        pair_up(connection)
        clean_streets(connection)
        every = compare_all(connection)
        truth(connection, folder)
        connection.execute("UPDATE truth SET l = l - 1, r = r - 1")  # numbers from 0, as in the engine
        same = counted(connection, _TRUE)
        return same, every - same, name_share(connection)


def main() -> None:
    """Write the weights."""
    same: Patterns = Counter()
    other: Patterns = Counter()
    share = 0.0
    for seed, options in enumerate(LISTS, 101):
        with tempfile.TemporaryDirectory() as folder:
            one_same, one_other, share = patterns(write_lists(Path(folder), PEOPLE, seed, **options))
        same, other = same + one_same, other + one_other
    model.WEIGHTS.write_text(learn_from(same, other, share).to_json())


if __name__ == "__main__":
    main()
