"""The templates that this process knows: the files `<code>.v<version>.json` beside this one, and an operator's.

A released file is never edited, its successor is a new file; a running pathway keeps the text it was started under.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from services.referrals.pathways.form import AnyMet, StepMet, Template, TemplateStep
from sinergi.problems import Refused

BUILT_IN = Path(__file__).parent
PATTERN = "*.v*.json"


class TemplateBroken(Exception):
    """A file cannot be used; the sentence names the file and the rule that it breaks."""


class Shelf:
    """All versions of all templates. New pathways are started by the newest version of each."""

    _current: ClassVar["Shelf | None"] = None

    def __init__(self, templates: Iterable[Template]) -> None:
        self._all = {(one.code, one.version): one for one in templates}

    @classmethod
    def load(cls, folder: Path | None = None) -> "Shelf":
        """The built-in files, and those of `folder` beside or after them; `TemplateBroken` names what is wrong."""
        shelf = cls(read(file) for file in files_in(BUILT_IN))
        for file in files_in(folder) if folder else ():
            shelf._put(read(file), file)
        return shelf

    def use(self) -> None:
        """Make these the templates of this process."""
        Shelf._current = self

    @classmethod
    def current(cls) -> "Shelf":
        """The templates of this process: the built-in ones, unless `use` named others."""
        if cls._current is None:
            cls.load().use()
        assert cls._current is not None
        return cls._current

    def newest(self, code: str) -> Template:
        """The version by which pathways are started now; `Refused` (unknown-template) when there is none."""
        versions = [version for known, version in self._all if known == code]
        if not versions:
            known = sorted({code for code, _ in self._all})
            raise Refused("unknown-template", "There is no such pathway. Choose one of the list.", known=known)
        return self._all[code, max(versions)]

    def all(self) -> list[Template]:
        """The newest version of each, by code."""
        return [self.newest(code) for code in sorted({code for code, _ in self._all})]

    def _put(self, new: Template, file: Path) -> None:
        if (new.code, new.version) in self._all:
            raise TemplateBroken(f"{file}: {new.code}.v{new.version} is released; give yours the next version.")
        self._all[new.code, new.version] = new


def files_in(folder: Path) -> list[Path]:
    """The templates' files of a folder, by name; `TemplateBroken` when there is no such folder."""
    if not folder.is_dir():
        raise TemplateBroken(f"{folder}: there is no such folder.")
    return sorted(folder.glob(PATTERN))


def read(file: Path) -> Template:
    """The template in a file; `TemplateBroken` with the file's name and the first rule that it breaks."""
    try:
        found = Template.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as wrong:
        raise TemplateBroken(f"{file}: {_rule(wrong)}") from wrong
    if file.name != f"{found.code}.v{found.version}.json":
        raise TemplateBroken(f"{file}: its name must be {found.code}.v{found.version}.json.")
    if lost := unreachable(found):
        raise TemplateBroken(f"{file}: nothing ever leads to {', '.join(lost)}.")
    return found


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file; that steps fit each other is checked besides, when it is loaded."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "$id": "urn:sinergi:pathway-template"} | Template.model_json_schema()


def unreachable(template: Template) -> list[str]:
    """The steps that can never be sent, whatever comes: what they need of an earlier step cannot be."""
    sendable: set[str] = set()
    for step in template.steps:
        any_comes = not step.after.any or not sendable.isdisjoint(step.after.any)
        if any_comes and _can_hold(step, template, sendable):
            sendable.add(step.key)
    return [step.key for step in template.steps if step.key not in sendable]


def _can_hold(step: TemplateStep, template: Template, sendable: set[str]) -> bool:
    left: dict[str, set[str]] = {}
    for line in step.when.steps if step.when else []:
        if isinstance(line, AnyMet):
            if not any(_can_be(one, sendable) for one in line.any):
                return False
        elif not _can_be(line, sendable):
            return False
        elif line.outcome:
            left.setdefault(line.step, {*template.step(line.step).outcomes}).intersection_update(line.outcome)
    return all(left.values())


def _can_be(met: StepMet, sendable: set[str]) -> bool:
    return met.skipped or met.step in sendable


def _rule(wrong: Exception) -> str:
    if not isinstance(wrong, ValidationError):
        return f"{wrong}."
    first: Any = wrong.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}." if place else f"{first['msg']}."
