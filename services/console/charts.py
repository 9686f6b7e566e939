"""A small line of scores, drawn by the server: no script, no style of its own; the table beside it says the same."""

from typing import Any

WIDTH, HEIGHT, EDGE = 120, 32, 4


def line_of(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Dots, and lines between those that may be compared, in a box of WIDTH by HEIGHT; worse is higher."""
    dots = [_dot(place, one, len(measured)) for place, one in enumerate(measured)]
    pairs = zip(dots, dots[1:], measured[1:], strict=False)
    lines = [(before, after) for before, after, one in pairs if before and after and one["comparable"]]
    return {"width": WIDTH, "height": HEIGHT, "dots": [one for one in dots if one], "lines": lines}


def _dot(place: int, one: dict[str, Any], count: int) -> tuple[float, float] | None:
    if one["score"] is None:
        return None
    across = place / (count - 1) if count > 1 else 0.5
    span = (one["most"] - one["least"]) or 1
    up = (one["score"] - one["least"]) / span
    return round(EDGE + across * (WIDTH - 2 * EDGE), 1), round(HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE), 1)
