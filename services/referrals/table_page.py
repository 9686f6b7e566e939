"""docs/referrals.md's tables, made from the code: `python -m services.referrals.table_page` writes them between the
file's markers; a test compares."""

from collections.abc import Iterator
from pathlib import Path

from services.referrals.clock_terms import Term
from services.referrals.codes import DeclineReason
from services.referrals.commands import DOORS
from services.referrals.consequences import CONSEQUENCES
from services.referrals.ladders import CLOCKS, Rung
from services.referrals.requests import SendReferral
from services.referrals.states import RULES, TERMINAL, Rule
from sinergi.permissions import PERMISSIONS

PAGE = Path(__file__).parents[2] / "docs" / "referrals.md"
BEGIN, END = "<!-- made from the code: begin -->", "<!-- made from the code: end -->"


def table() -> str:
    """What stands between the markers."""
    parts = (_diagram(), _rules(), _consequences(), _ladders())
    return "\n\n".join("\n".join(part) for part in parts)


def page(text: str) -> str:
    """The page with the table in it."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _diagram() -> Iterator[str]:
    """The state diagram: one arrow for all the commands that lead from one state to another."""
    yield from ("## The states", "", "```mermaid", "stateDiagram-v2", "    [*] --> requested: send")
    arrows: dict[tuple[str, str], list[str]] = {}
    for rule in RULES:
        for state in sorted(rule.sources - {"draft"}):
            if rule.to:
                arrows.setdefault((state, rule.to), []).append(rule.command)
    for (source, to), commands in sorted(arrows.items()):
        yield f"    {source} --> {to}: {', '.join(commands)}"
    yield from (f"    {state} --> [*]" for state in sorted(TERMINAL))
    yield "```"


def _rules() -> Iterator[str]:
    yield from ("## The commands", "", "| command | side | roles | from | to | must carry | tells |")
    yield "|---|---|---|---|---|---|---|"
    for rule in RULES:
        roles = ", ".join(sorted(PERMISSIONS[rule.action]))
        sources = ", ".join(sorted(rule.sources))
        cells = (f"`{rule.command}`", rule.side, roles, sources, rule.to or "as it was", _carries(rule))
        yield f"| {' | '.join(cells)} | `{rule.event.name}` |"


def _carries(rule: Rule) -> str:
    """The fields without which the command is refused."""
    request = SendReferral if rule.command == "send" else DOORS[rule.command].request if rule.side != "clock" else None
    fields = request.model_fields.items() if request else ()
    named = [f"`{name}`" for name, field in fields if field.is_required() and name != "referral_id"]
    return ", ".join(named) or "–"


def _consequences() -> Iterator[str]:
    yield from ("## What follows from a decline", "", "| reason | side | consequence |", "|---|---|---|")
    for reason in DeclineReason:
        yield f"| `{reason}` | {reason.side} | `{CONSEQUENCES[reason]}` |"


def _ladders() -> Iterator[str]:
    yield from ("## What each clock does", "", "| priority | clock | rungs |", "|---|---|---|")
    for priority, ladders in CLOCKS.ladders.items():
        for clock, rungs in ladders.items():
            yield f"| {priority} | {clock} | {' → '.join(_rung(one) for one in rungs)} |"


def _rung(rung: Rung) -> str:
    name = f"{rung.does} {rung.level}" if rung.level else rung.does
    if rung.share:
        return f"{name} (after {rung.share:.0%} of the time)"
    return f"{name} ({_said(rung.after)} later)" if rung.after else f"{name} (when due)"


def _said(term: Term) -> str:
    return f"{term.days} working days" if term.days else f"{term.hours} hours"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
