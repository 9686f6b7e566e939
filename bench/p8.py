"""P8, growth: the search through HTTP over PEOPLE / 10 and over PEOPLE persons: its p99, and the service's memory."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from bench import p7
from bench.outcome import Outcome, percentile, show
from bench.registry_people import AREA, PEOPLE, fill, make_lists, questions
from bench.registry_service import Client, Door, prepare, serving
from bench.stage import Stage
from services.registry.seal import Seal

GOAL = 1.5
KIND = "name + kecamatan + year"
ROUNDS = 3


def run(stage: Stage) -> Outcome:
    """The tenth of the people first, then all of them in the same tables."""
    sizes = (PEOPLE // 10, PEOPLE)
    show(f"P8: the search over {sizes[0]:,} and {sizes[1]:,} people, {ROUNDS} rounds of {p7.QUESTIONS} questions")
    seal = prepare(stage)
    small, large = (_measured(stage, seal, people) for people in sizes)
    ratio = large["p99_ms"] / small["p99_ms"]
    grown = large["memory_mb"] / small["memory_mb"]
    show(f"  memory of the service: {small['memory_mb']:.0f} MB, then {large['memory_mb']:.0f} MB ({grown:.2f}×)")
    return Outcome("P8", ratio, GOAL, at_most=True, figures={"small": small, "large": large, "memory_ratio": grown})


def _measured(stage: Stage, seal: Seal, people: int) -> dict[str, float]:
    folder, url = make_lists(stage.folder / str(people), people), stage.settings("registry")["database_url"]
    asyncio.run(_empty(url))
    held = fill(url, folder, seal)
    with serving(stage, AREA) as door:
        figures = asyncio.run(_ask(url, folder, seal, door))
    show(f"  {held:,} people: p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms")
    return figures | {"people": held}


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE persons, name_words CASCADE")
    await connection.close()


async def _ask(url: str, folder: Path, seal: Seal, door: Door) -> dict[str, float]:
    """The best of some rounds at each percentile: what else the machine does is not the search's growth."""
    connection, client = await asyncpg.connect(url), await Client.at(door)
    everything = questions(folder, 4 * p7.QUESTIONS)
    known = await p7.ids_of(connection, seal, everything)
    bodies = [p7.wanted(KIND, one) for one in p7.asked(KIND, [one for one in everything if one.nik in known])]
    rounds = [await _times(client, bodies) for _ in range(ROUNDS)]
    client.close()
    await connection.close()
    best = {f"p{at}_ms": min(percentile(times, at) for times in rounds) for at in (50, 99)}
    return best | {"memory_mb": door.memory() / 1e6}


async def _times(client: Client, bodies: list[dict[str, Any]]) -> list[float]:
    times = []
    for body in bodies:
        began = asyncio.get_running_loop().time()
        await client.post("/persons/search", body)
        times.append((asyncio.get_running_loop().time() - began) * 1000)
    return times
