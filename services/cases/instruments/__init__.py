"""Assessment instruments as data: which domains are asked, and from which answer on each gives which level of risk.

An instrument is one file `<code>.v<version>.json` beside this one; a released file is never edited, its successor is.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from sinergi.problems import Refused

#: the version of each instrument with which new assessments are made
CURRENT = {"general": 1}


Risk = Literal["low", "medium", "high", "life"]


class Finding(BaseModel):
    """Why a risk is what it is: this domain's answer reached the threshold of this level."""

    domain: str
    score: int
    threshold: int
    risk: Risk


class Instrument(BaseModel):
    """An instrument. `levels` run from lowest to highest; `domains` gives each domain's threshold per level."""

    code: str
    version: int
    source: str
    dated: str
    scale: dict[str, str]
    levels: list[Risk]
    domains: dict[str, dict[Risk, int]]

    def judge(self, answers: dict[str, int]) -> tuple[Risk, list[Finding]]:
        """The risk (the highest level that any domain reaches) and the domains that gave it; none for the lowest.

        `Refused` unless exactly this instrument's domains are answered, each on its scale.
        """
        self._check(answers)
        findings = [one for domain, score in answers.items() for one in self._reached(domain, score)]
        risk = max((one.risk for one in findings), key=self.levels.index, default=self.levels[0])
        return risk, [one for one in findings if one.risk == risk]

    def _reached(self, domain: str, score: int) -> list[Finding]:
        return [
            Finding(domain=domain, score=score, threshold=threshold, risk=risk)
            for risk, threshold in self.domains[domain].items()
            if score >= threshold
        ]

    def _check(self, answers: dict[str, int]) -> None:
        missing, unknown = sorted(self.domains.keys() - answers), sorted(answers.keys() - self.domains)
        off_scale = sorted(domain for domain, score in answers.items() if str(score) not in self.scale)
        if missing or unknown or off_scale:
            raise Refused(
                "answers-not-valid",
                "Answer each domain of the instrument once, on its scale.",
                missing=missing,
                unknown=unknown,
                off_scale=off_scale,
            )


def _load(code: str, version: int) -> Instrument:
    return Instrument.model_validate_json((Path(__file__).parent / f"{code}.v{version}.json").read_text())


INSTRUMENTS = {code: _load(code, version) for code, version in CURRENT.items()}


def instrument(code: str) -> Instrument:
    """The current version of an instrument; `Refused` (unknown-instrument) when there is none."""
    if code not in INSTRUMENTS:
        raise Refused("unknown-instrument", "There is no such instrument.", known=sorted(INSTRUMENTS))
    return INSTRUMENTS[code]
