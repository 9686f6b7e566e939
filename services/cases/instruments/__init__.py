"""Assessment instruments as data. A new instrument is a file `<code>.v<version>.json` here or in an operator's folder.

`form` says what a file may hold, `shelf` reads the files, `scoring` judges answers, `schema` tells others what to send.
"""

from services.cases.instruments.form import LEVELS, Instrument, Risk
from services.cases.instruments.scoring import Answers, Finding, Judgement, Worked, check, judge
from services.cases.instruments.shelf import InstrumentBroken, Shelf

__all__ = [
    "LEVELS",
    "Answers",
    "Finding",
    "Instrument",
    "InstrumentBroken",
    "Judgement",
    "Risk",
    "Shelf",
    "Worked",
    "check",
    "judge",
]
