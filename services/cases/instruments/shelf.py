"""The instruments that this process knows: the files `<code>.v<version>.json` beside this one, and an operator's.

A released file is never edited, its successor is a new file: assessments name the version by which they were made.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from services.cases.instruments.first_form import in_the_form_of_now, is_of_the_first_form
from services.cases.instruments.form import Instrument
from services.cases.instruments.scoring import unreachable
from sinergi.problems import Refused

BUILT_IN = Path(__file__).parent


class InstrumentBroken(Exception):
    """A file cannot be used; the sentence names the file and the rule that it breaks."""


class Shelf:
    """All versions of all instruments. New assessments are made with the newest version of each."""

    _current: ClassVar["Shelf | None"] = None

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._all = {(one.code, one.version): one for one in instruments}

    @classmethod
    def load(cls, folder: Path | None = None) -> "Shelf":
        """The built-in files, and those of `folder` beside or after them; `InstrumentBroken` names what is wrong."""
        shelf = cls(read(file) for file in files_in(BUILT_IN))
        for file in files_in(folder) if folder else ():
            shelf._put(read(file), file)
        return shelf

    def use(self) -> None:
        """Make these the instruments of this process."""
        Shelf._current = self

    @classmethod
    def current(cls) -> "Shelf":
        """The instruments of this process: the built-in ones, unless `use` named others."""
        if cls._current is None:
            cls.load().use()
        assert cls._current is not None
        return cls._current

    def newest(self, code: str) -> Instrument:
        """The version with which assessments are made now; `Refused` (unknown-instrument) when there is none."""
        versions = [version for known, version in self._all if known == code]
        if not versions:
            known = sorted({code for code, _ in self._all})
            raise Refused("unknown-instrument", "There is no such instrument.", known=known)
        return self._all[code, max(versions)]

    def find(self, code: str, version: int) -> Instrument | None:
        """This very version; None when its file is not there any more."""
        return self._all.get((code, version))

    def fitting(self, client_kind: str | None = None) -> list[Instrument]:
        """The newest versions, by code; only those for this kind of client, if one is named."""
        newest = [self.newest(code) for code in sorted({code for code, _ in self._all})]
        return [one for one in newest if client_kind is None or client_kind in one.for_.clients]

    def _put(self, new: Instrument, file: Path) -> None:
        if (new.code, new.version) in self._all:
            raise InstrumentBroken(f"{file}: {new.code}.v{new.version} is released; give yours the next version.")
        self._all[new.code, new.version] = new


def files_in(folder: Path) -> list[Path]:
    """The instruments' files of a folder, by name; `InstrumentBroken` when there is no such folder."""
    if not folder.is_dir():
        raise InstrumentBroken(f"{folder}: there is no such folder.")
    return sorted(folder.glob("*.json"))


def read(file: Path) -> Instrument:
    """The instrument in a file; `InstrumentBroken` with the file's name and the first rule that it breaks."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        read_one = in_the_form_of_now(content) if is_of_the_first_form(content) else Instrument.model_validate(content)
    except (OSError, ValueError) as wrong:
        raise InstrumentBroken(f"{file}: {_rule(wrong)}") from wrong
    if file.name != f"{read_one.code}.v{read_one.version}.json":
        raise InstrumentBroken(f"{file}: its name must be {read_one.code}.v{read_one.version}.json.")
    for sentence in unreachable(read_one):
        raise InstrumentBroken(f"{file}: {sentence}.")
    return read_one


def _rule(wrong: Exception) -> str:
    if not isinstance(wrong, ValidationError):
        return f"{wrong}."
    first: Any = wrong.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}." if place else f"{first['msg']}."
