"""What docs/referrals.md says is what the code does; so do the console's buttons and their choices."""

from services.console.forms import FORMS
from services.referrals import codes
from services.referrals.states import RULES, SIDES
from services.referrals.table_page import PAGE, page, table

CHOICES = {
    ("progress", "business_status"): codes.BusinessStatus,
    ("complete", "outcome"): codes.Outcome,
    ("hold", "reason"): codes.HoldReason,
    ("decline", "reason"): codes.DeclineReason,
    ("fail", "reason"): codes.FailReason,
    ("cancel", "reason"): codes.CancelReason,
    ("request_cancel", "reason"): codes.CancelReason,
    ("retract", "reason"): codes.RetractReason,
}


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(PAGE.read_text())


def test_the_page_names_every_row_of_the_table() -> None:
    made = table()
    assert [rule.command for rule in RULES if f"| `{rule.command}` |" not in made] == []


def test_the_console_has_a_form_for_every_command_with_the_codes_of_the_table() -> None:
    assert FORMS.keys() == SIDES.keys()
    chosen = {(command, one.name): one.choices for command, fields in FORMS.items() for one in fields if one.choices}
    assert {key: set(choices) for key, choices in chosen.items()} == {key: set(enum) for key, enum in CHOICES.items()}
