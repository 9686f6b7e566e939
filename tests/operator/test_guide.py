"""The operator's guide is compared with the code: every setting with its default, every command."""

import json
import re
from pathlib import Path

from services.cases.settings import CasesSettings
from services.console.settings import ConsoleSettings
from services.notify.mail import MailSettings
from services.referrals.settings import ReferralsSettings
from services.registry.settings import RegistrySettings
from sinergi.settings import Settings
from sinergi_operator.cli import agency, app, dead

GUIDE = (Path(__file__).parents[2] / "docs" / "operator.md").read_text()


def listed(heading: str) -> dict[str, str]:
    """Setting -> default as told in the table below this line."""
    table = GUIDE.split(f"\n{heading}\n\n")[1].split("\n\n")[0]
    found = re.findall(r"^\| `(SINERGI_\w+)` \|([^|]*)\|", table, re.MULTILINE)
    return {name: default.strip().strip("`") for name, default in found}


def defined(settings: type[Settings], *, beside: type[Settings] | None = None) -> dict[str, str]:
    fields = {
        name: field for name, field in settings.model_fields.items() if not beside or name not in beside.model_fields
    }
    return {f"SINERGI_{name.upper()}": told(field.is_required(), field.default) for name, field in fields.items()}


def told(required: bool, default: object) -> str:
    if required:
        return "required"
    if default is None:
        return ""
    return str(default) if isinstance(default, str | Path) else json.dumps(default)


def test_the_guide_lists_every_setting_of_every_service_with_its_default() -> None:
    assert listed("Of every service:") == defined(Settings)


def test_the_guide_lists_what_each_service_has_beside() -> None:
    assert listed("Of cases:") == defined(CasesSettings, beside=Settings)
    assert listed("Of registry:") == defined(RegistrySettings, beside=Settings)
    assert listed("Of referrals:") == defined(ReferralsSettings, beside=Settings)
    assert listed("Of notify:") == defined(MailSettings, beside=Settings)
    assert listed("Of console:") == defined(ConsoleSettings, beside=Settings)


def test_the_guide_lists_every_command() -> None:
    def names(prefix: str, commands: list[object]) -> set[str]:
        return {f"{prefix}{one.name or one.callback.__name__}" for one in commands}  # type: ignore[attr-defined]

    commands = names("", app.registered_commands) | names("dead-letters ", dead.registered_commands)
    commands |= names("agency ", agency.registered_commands)
    assert set(re.findall(r"^\| `sinergi ((?:dead-letters |agency )?[a-z-]+)", GUIDE, re.MULTILINE)) == commands
