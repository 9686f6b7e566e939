"""Templates are data that cannot be wrong quietly: what is broken is refused on loading, with the file and the rule."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.referrals.pathways import Shelf, TemplateBroken, schema
from services.referrals.pathways.shelf import BUILT_IN, files_in, read
from sinergi.problems import Refused

SIX = {
    "anak-putus-sekolah",
    "disabilitas-mandiri",
    "keluarga-perintis",
    "kube-naik-kelas",
    "lansia-telantar",
    "odgj-telantar",
}


def a_step(key: str, *after: str, **more: Any) -> dict[str, Any]:
    """A step that waits for these."""
    said = {"title": {"id": key, "en": key}, "need": "economic", "reason": "need", "due_days": 7}
    return {"key": key, "outcomes": ["service-given", "other"], "after": {"all": list(after)}, **said, **more}


def a_template(*steps: dict[str, Any], code: str = "made-up") -> dict[str, Any]:
    """A template of these steps."""
    words = {"id": "Uji", "en": "Test"}
    law = {"law": "UU 13/2011", "says": "Penanganan fakir miskin.", "certain": True}
    said = {"title": words, "about": words, "clients": ["person"], "legal_basis": "UU 13/2011", "sources": [law]}
    return {"code": code, "version": 1, "steps": list(steps), **said}


def write(folder: Path, content: dict[str, Any], name: str = "") -> Path:
    """The template as a file of that folder."""
    file = folder / (name or f"{content['code']}.v{content['version']}.json")
    file.write_text(json.dumps(content))
    return file


def test_the_six_pathways_of_the_field_keep_the_published_schema() -> None:
    published = json.loads((BUILT_IN / "template.schema.json").read_text())
    assert published == schema()
    validator = Draft202012Validator(published)
    for file in files_in(BUILT_IN):
        validator.validate(json.loads(file.read_text()))
    assert {one.code for one in Shelf.load().all()} == SIX


def test_what_a_step_asks_for_is_told_in_both_languages_and_has_a_law_behind_it() -> None:
    for template in Shelf.load().all():
        assert template.sources[0].law == template.legal_basis
        assert all(step.title.id != step.title.en for step in template.steps), template.code


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([a_step("b", "c"), a_step("c", "b")], "circle"),
        ([a_step("b", "nowhere")], "which is no step"),
        ([a_step("b"), a_step("b")], "two steps"),
        ([a_step("b"), a_step("c", when={"steps": [{"step": "b", "outcome": ["other"]}]})], "does not wait"),
        (
            [a_step("b"), a_step("c", "b", when={"steps": [{"step": "b", "outcome": ["loan-granted"]}]})],
            "never ends with loan-granted",
        ),
        ([a_step("b"), a_step("c", "b", when={"steps": [{"step": "b", "outcome": ["wealth"]}]})], "outcome.0"),
        ([a_step("b"), a_step("c", "b", when={"steps": [{"step": "b"}]})], "one of the three"),
        (
            [
                a_step("b"),
                a_step(
                    "c",
                    "b",
                    when={"steps": [{"step": "b", "outcome": [one]} for one in ("other", "service-given")]},
                ),
            ],
            "nothing ever leads to c",
        ),
        ([a_step("b", need="wealth")], "no such need"),
        ([a_step("b", if_it_fails=[{"because": ["capacity"], "do": "wait"}])], "wait needs them"),
        ([a_step("b", when={"client": {"all": [{"fact": "age", "op": "within", "value": 3}]}})], "age"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_its_rule(
    steps: list[dict[str, Any]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(TemplateBroken, match=said):
        read(write(tmp_path, a_template(*steps)))


def test_an_operators_folder_adds_templates_and_next_versions_but_changes_none(tmp_path: Path) -> None:
    kube = json.loads((BUILT_IN / "kube-naik-kelas.v1.json").read_text())
    write(tmp_path, a_template(a_step("only")))
    write(tmp_path, kube | {"version": 2})
    shelf = Shelf.load(tmp_path)
    assert shelf.newest("kube-naik-kelas").version == 2
    assert {one.code for one in shelf.all()} == SIX | {"made-up"}
    write(tmp_path, kube)
    with pytest.raises(TemplateBroken, match="released"):
        Shelf.load(tmp_path)
    with pytest.raises(Refused, match="unknown-template"):
        shelf.newest("universe")


@pytest.mark.parametrize("spoil", [lambda text: text[:-20], lambda text: text.replace("made-up", "other")])
def test_a_damaged_or_misnamed_file_stops_the_start(spoil: Callable[[str], str], tmp_path: Path) -> None:
    file = write(tmp_path, a_template(a_step("only")))
    file.write_text(spoil(file.read_text()))
    with pytest.raises(TemplateBroken, match=file.name):
        Shelf.load(tmp_path)
    with pytest.raises(TemplateBroken, match="no such folder"):
        Shelf.load(tmp_path / "nowhere")
