"""Whatever a page says, it says in both languages."""

import re

from services.console.forms import FORMS
from services.console.page import HERE
from services.console.texts import TEXTS, problem_text, say
from sinergi.permissions import Role
from sinergi.problems import Refused


def test_both_languages_have_every_text() -> None:
    assert TEXTS["id"].keys() == TEXTS["en"].keys()
    assert all(text for texts in TEXTS.values() for text in texts.values())


def test_every_text_that_a_template_names_exists() -> None:
    for file in (HERE / "templates").glob("*.html"):
        for key in re.findall(r"""\bt\(["']([a-z_]+)["']\)""", file.read_text()):
            assert key in TEXTS["id"], f"{file.name}: {key}"


def test_every_field_and_choice_of_the_forms_has_a_text() -> None:
    for command, fields in FORMS.items():
        assert f"command.{command}" in TEXTS["id"]
        for field in fields:
            assert f"field.{field.name}" in TEXTS["id"]
            assert all(f"code.{code}" in TEXTS["id"] for code in field.choices)
    assert all(f"role.{role}" in TEXTS["id"] for role in Role)


def test_a_code_without_a_text_is_shown_as_it_is() -> None:
    assert say("id", "code.something-new") == "something-new"


def test_a_refusal_without_a_text_shows_its_own_sentence_and_its_fields() -> None:
    no = Refused("never-seen", "Do this instead.", errors=[{"field": "body.given_on"}])
    assert problem_text("id", no) == "Do this instead. Tanggal diberikan"
