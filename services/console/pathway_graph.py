"""A pathway drawn by the server: each step a box below all that it waits for. No script; the table beside it says the
same."""

import textwrap
from typing import Any

WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 224, 92, 24, 44, 8
#: so many letters of a wide font fit into a line of a box
LETTERS = 22


def drawn(steps: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    """Boxes and lines in a picture of `width` by `height`. A dashed line: one of these is enough."""
    layers = _layers(steps)
    widest = max(len(layer) for layer in layers)
    width = 2 * EDGE + widest * (WIDTH + ACROSS) - ACROSS
    boxes = {
        step["key"]: _box(step, lang, place, depth, len(layer), width)
        for depth, layer in enumerate(layers)
        for place, step in enumerate(layer)
    }
    height = 2 * EDGE + len(layers) * (HEIGHT + DOWN) - DOWN
    return {"width": width, "height": height, "boxes": list(boxes.values()), "lines": _lines(steps, boxes)}


def _layers(steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The steps by how many stand before them at most; a template names a step after all that it waits for."""
    depth: dict[str, int] = {}
    for step in steps:
        before = [*step["after"]["all"], *step["after"]["any"]]
        depth[step["key"]] = 1 + max((depth[key] for key in before), default=-1)
    deepest = max(depth.values(), default=0)
    return [[step for step in steps if depth[step["key"]] == level] for level in range(deepest + 1)]


def _box(step: dict[str, Any], lang: str, place: int, depth: int, count: int, width: int) -> dict[str, Any]:
    left = (width - count * (WIDTH + ACROSS) + ACROSS) // 2 + place * (WIDTH + ACROSS)
    top = EDGE + depth * (HEIGHT + DOWN)
    lines = textwrap.wrap(step["title"][lang], LETTERS, max_lines=3, placeholder=" …")
    return {"key": step["key"], "state": step["state"], "lines": lines, "x": left, "y": top, "w": WIDTH, "h": HEIGHT}


def _lines(steps: list[dict[str, Any]], boxes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"path": _curve(boxes[before], boxes[step["key"]]), "dashed": kind == "any"}
        for step in steps
        for kind in ("all", "any")
        for before in step["after"][kind]
    ]


def _curve(upper: dict[str, Any], lower: dict[str, Any]) -> str:
    start, end = upper["x"] + WIDTH // 2, lower["x"] + WIDTH // 2
    top, bottom = upper["y"] + HEIGHT, lower["y"]
    middle = (top + bottom) // 2
    return f"M{start} {top} C{start} {middle} {end} {middle} {end} {bottom}"
