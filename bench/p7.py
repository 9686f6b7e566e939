"""P7, search: the registry's box through HTTP against its own SQL sent by plain asyncpg, over PEOPLE persons.

The bare side sends the statements of the same search, of the audit rows that the law asks for, and a commit: no HTTP,
no token, no ranking. Both are asked the same questions in turns: what the city's list wrote about people whom the
registry knows from the ministry's list. Only mistaken rows are asked, so every name has a slip.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from bench.outcome import Outcome, percentile, show
from bench.registry_people import AREA, PEOPLE, Question, fill, make_lists, questions
from bench.registry_service import Client, Door, prepare, serving
from bench.stage import Stage
from services.registry import search
from services.registry.cleaning import name_key
from services.registry.seal import Seal
from services.registry.search_candidates import BY_INDEX
from sinergi.db import new_id

GOAL = 2.0
QUESTIONS = 1000
SIZE = 10
WARM_UP = 50

#: kind -> the most milliseconds at p99, the least share of hits among the first ten (None: no promise)
PROMISES: dict[str, tuple[float, float] | None] = {
    "NIK": (3, 1.0),
    "name + kecamatan + year": (15, 0.95),
    "name + kecamatan": None,
    "name + kabupaten + year": (50, 0.90),
    "name + kabupaten": None,
}

_AUDIT = """
    INSERT INTO audit (id, actor, role, agency, action, subject_kind, subject_id, purpose)
    VALUES ($1, 'bench', 'operator', 'dinsos', 'person.search', 'person', $2, 'bench')"""

Statement = tuple[str, str, tuple[Any, ...]]


class Recorder:
    """Sends statements on, and remembers them."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection, self.sent = connection, list[Statement]()

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """As asyncpg's."""
        self.sent.append(("fetch", statement, values))
        return list(await self._connection.fetch(statement, *values))


def wanted(kind: str, question: Question) -> dict[str, Any]:
    """The request's body."""
    if kind == "NIK":
        return {"text": question.nik, "size": SIZE, "purpose": "bench"}
    area = question.area[:8] if "kecamatan" in kind else AREA
    year = {"birth_year": question.birth_year} if "year" in kind and question.birth_year else {}
    return {"name": question.name, "area": area, "size": SIZE, "purpose": "bench", **year}


def asked(kind: str, all_of_them: list[Question]) -> list[Question]:
    """The questions of a kind: who moved between the lists is not looked for in the wrong kecamatan."""
    if kind == "NIK":
        return all_of_them[:QUESTIONS]
    moved = "kecamatan" in kind
    named = [one for one in all_of_them if one.name_is_wrong and len(name_key(one.name)) > 2]
    return [one for one in named if not (moved and "moved" in one.mistakes)][:QUESTIONS]


def run(stage: Stage) -> Outcome:
    """Fill the registry, then ask each kind of question."""
    show(f"P7: the search over {PEOPLE:,} people, {QUESTIONS} questions of each kind")
    folder, seal = make_lists(stage.folder / "lists"), prepare(stage)
    url = stage.settings("registry")["database_url"]
    began = time.monotonic()
    held = fill(url, folder, seal)
    show(f"  {held:,} persons in the registry after {time.monotonic() - began:.0f} s")
    with serving(stage, AREA) as door:
        figures = asyncio.run(_measure(url, folder, seal, door))
    ratio = max(one["ratio"] for kind, one in figures.items() if PROMISES[kind])
    return Outcome("P7", ratio, GOAL, at_most=True, figures={"people": held, "kinds": figures})


async def _measure(url: str, folder: Path, seal: Seal, door: Door) -> dict[str, dict[str, Any]]:
    connection, client = await asyncpg.connect(url), await Client.at(door)
    everything = questions(folder, 4 * QUESTIONS)
    ids = await ids_of(connection, seal, everything)
    known = [one for one in everything if one.nik in ids]
    figures = {kind: await _kind(kind, asked(kind, known), ids, connection, client) for kind in PROMISES}
    client.close()
    await connection.close()
    return figures


async def ids_of(connection: "asyncpg.Connection[Any]", seal: Seal, them: list[Question]) -> dict[str, str]:
    """NIK -> the person's id, for those whom the registry holds."""
    niks = {seal.nik.seal(one.nik): one.nik for one in them}
    rows = await connection.fetch("SELECT nik, id FROM persons WHERE nik = ANY ($1::bytea[])", list(niks))
    return {niks[bytes(row["nik"])]: str(row["id"]) for row in rows}


async def _kind(
    kind: str, them: list[Question], ids: dict[str, str], connection: "asyncpg.Connection[Any]", client: Client
) -> dict[str, Any]:
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    hits = 0
    for number, question in enumerate(them):
        body = wanted(kind, question)
        statements = await _statements(connection, body)
        answers: dict[str, Callable[[], Any]] = {
            "bare": lambda statements=statements: _send(connection, statements),  # type: ignore[misc]
            "ours": lambda body=body: client.post("/persons/search", body),  # type: ignore[misc]
        }
        for side in ("bare", "ours") if number % 2 else ("ours", "bare"):
            began = time.perf_counter()
            answer = await answers[side]()
            if number >= WARM_UP:
                times[side].append((time.perf_counter() - began) * 1000)
            if side == "ours":
                hits += ids[question.nik] in [item["id"] for item in answer["items"]]
    return _told(kind, times, hits / len(them))


async def _statements(connection: "asyncpg.Connection[Any]", body: dict[str, Any]) -> list[Statement]:
    """What the search sends for this body."""
    recorder: Any = Recorder(connection)
    async with connection.transaction():
        await connection.execute(BY_INDEX)
        understood = search.understood(search.SearchPersons(**body))
        found = await search.find(recorder, understood, understood.area or AREA)
        await search.items_of(recorder, found[:SIZE])
    recorder.sent.append(("executemany", _AUDIT, ([(new_id(), str(one)) for one in found[:SIZE]],)))
    return list(recorder.sent)


async def _send(connection: "asyncpg.Connection[Any]", statements: list[Statement]) -> None:
    async with connection.transaction():
        await connection.execute(BY_INDEX)
        for method, statement, values in statements:
            if method == "executemany":
                values = ([(new_id(), one) for _, one in values[0]],)
            await getattr(connection, method)(statement, *values)


def _told(kind: str, times: dict[str, list[float]], hits: float) -> dict[str, Any]:
    p50, p99 = median(times["ours"]), percentile(times["ours"], 99)
    bare = median(times["bare"])
    line = f"  {kind}: p50 {p50:.1f} ms (bare SQL {bare:.1f}), p99 {p99:.1f} ms, hit@10 {hits:.3f}"
    if promise := PROMISES[kind]:
        kept = p99 <= promise[0] and round(hits, 2) >= promise[1]
        line += f"; promised {promise[0]:.0f} ms, {promise[1]:.2f}: {'kept' if kept else 'broken'}"
    show(line)
    figures = {"p50_ms": p50, "p99_ms": p99, "bare_p50_ms": bare, "bare_p99_ms": percentile(times["bare"], 99)}
    return {name: round(value, 2) for name, value in figures.items()} | {"hit_at_10": hits, "ratio": p50 / bare}
