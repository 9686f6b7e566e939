"""The whole of it: two lists in, links out; and one list against itself."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import duckdb

from services.registry.linkage.assign import REVIEW, assign, band_within
from services.registry.linkage.blocking import clean_rest, clean_streets, pair_up
from services.registry.linkage.exact import link_by_nik
from services.registry.linkage.households import link_households
from services.registry.linkage.keys import text
from services.registry.linkage.learning import bounded, learn
from services.registry.linkage.model import FIELDS, Model
from services.registry.linkage.scoring import compare_all, name_share, score
from services.registry.linkage.sources import Job, Source, connect, id_of, load, unordered

STAGES = ("read", "nik", "clean", "block", "compare", "learn", "assign", "write")


@dataclass(slots=True)
class Outcome:
    """What a job did. `links`: (how, band) -> pairs; `seconds`: stage -> seconds; `model`: the weights it learned.

    Pairs of the band `review` are no links: a person decides.
    """

    left_rows: int = 0
    right_rows: int = 0
    candidates: int = 0
    links: dict[tuple[str, str], int] = field(default_factory=dict)
    households: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    model: Model | None = None

    @property
    def review_share(self) -> float:
        """The share of all pairs found that goes to human review."""
        review = sum(count for (_, band), count in self.links.items() if band == "review")
        return review / max(1, sum(self.links.values()))


class _Clock:
    """Tells progress, and how long each stage took."""

    def __init__(self, job: Job, outcome: Outcome) -> None:
        self._job, self._outcome = job, outcome

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        self._job.progress(stage, STAGES.index(stage) / len(STAGES))
        yield
        self._outcome.seconds[stage] = time.monotonic() - began


def link(job: Job) -> Outcome:
    """Link the left list with the right one, a row with one row at most, into `job.output` (Parquet).

    Its columns: left_id, right_id, how (nik, household, score), band (same, review), bits (REAL) and a TINYINT for
    each field's level; bits and levels are NULL where the NIK decided. Raises duckdb.Error when a source cannot be
    read or the disk is full; the output then is not there.
    """
    outcome = Outcome()
    clock = _Clock(job, outcome)
    with closing(connect(job)) as connection:
        with clock("read"):
            outcome.left_rows = load(connection, "l", job.left)
            outcome.right_rows = load(connection, "r", job.right)
            unordered(connection)
        with clock("nik"):
            link_by_nik(connection)
        with clock("clean"):
            clean_rest(connection, "l")
            clean_rest(connection, "r")
        _score_rest(connection, job, clock, outcome)
        with clock("assign"):
            assign(connection)
        with clock("write"):
            _write(connection, job, job.left, job.right)
            outcome.households = link_households(connection, job)
            outcome.links = _counts(connection)
    job.progress("done", 1.0)
    return outcome


def link_within(job: Job) -> Outcome:
    """Find who stands twice in the left list, into `job.output` as `link` does; left_id is the earlier row.

    Not one to one: a person who stands there three times makes three pairs.
    """
    outcome = Outcome()
    clock = _Clock(job, outcome)
    with closing(connect(job)) as connection:
        with clock("read"):
            outcome.left_rows = outcome.right_rows = load(connection, "l", job.left)
            connection.execute("CREATE VIEW r AS SELECT *, rowid FROM l")
        with clock("nik"):
            connection.execute("CREATE TABLE links (l INTEGER, r INTEGER)")
        with clock("clean"):
            clean_rest(connection, "l", linked=False)
            connection.execute("CREATE VIEW r_left AS SELECT * FROM l_left")
        _score_rest(connection, job, clock, outcome, within=True)
        with clock("assign"):
            band_within(connection)
        with clock("write"):
            _write(connection, job, job.left, job.left)
            outcome.links = _counts(connection)
    job.progress("done", 1.0)
    return outcome


def _score_rest(
    connection: duckdb.DuckDBPyConnection, job: Job, clock: _Clock, outcome: Outcome, within: bool = False
) -> None:
    with clock("block"):
        outcome.candidates = pair_up(connection, within)
    with clock("compare"):
        clean_streets(connection)
        patterns = compare_all(connection)
    with clock("learn"):
        learned = learn(patterns, job.seed or Model.default(), name_share(connection))
        outcome.model = bounded(learned, patterns, _left_over(connection))
        score(connection, outcome.model, patterns, REVIEW)


def _left_over(connection: duckdb.DuckDBPyConnection) -> int:
    """How many links there can be at most: the rows of the side that has fewer."""
    found = connection.execute("SELECT least((SELECT count(*) FROM l_left), (SELECT count(*) FROM r_left))").fetchone()
    assert found is not None
    return int(found[0])


def _write(connection: duckdb.DuckDBPyConnection, job: Job, left: Source, right: Source) -> None:
    levels = ", ".join(FIELDS)
    nothing = ", ".join(f"NULL::TINYINT AS {name}" for name in FIELDS)
    connection.execute(
        f"CREATE VIEW found AS SELECT l, r, 'nik' AS how, 'same' AS band, NULL::REAL AS bits, {nothing} FROM links "
        f"UNION ALL SELECT l, r, how, band, bits, {levels} FROM banded"
    )
    ids = f"{id_of('l', left)} AS left_id, {id_of('r', right)} AS right_id"
    joins = "".join(
        f" JOIN (SELECT id AS {side}_id, rowid AS {side}_row FROM {side}) ON {side}_row = {side}"
        for side, source in (("l", left), ("r", right))
        if "id" in source.columns
    )
    connection.execute(
        f"COPY (SELECT {ids}, how, band, bits, {levels} FROM found{joins}) TO {text(str(job.output))} (FORMAT parquet)"
    )


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    rows = connection.execute("SELECT how, band, count(*) FROM found GROUP BY ALL ORDER BY ALL").fetchall()
    return {(how, band): count for how, band, count in rows}
