"""The shape of the code: the same files in each service, no file that grew too long, imports in one direction."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ["registry", "cases", "referrals", "notify", "console"]
FILES = ["README.md", "__init__.py", "api.py", "commands.py", "consumers.py", "main.py", "models.py", "pyproject.toml",
         "queries.py"]  # fmt: skip

#: the modules of the library: a new one is a decision
SINERGI = {
    "__init__", "agency", "app", "auth", "bus", "clock", "cloudevents", "connection", "contract", "db", "dead_letters",
    "events", "inbox", "logs", "metrics", "migrate", "permissions", "problems", "provision", "refusals", "relay",
    "settings", "tasks", "tracing", "workdays",
}  # fmt: skip
LONGEST = 400


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    folder = ROOT / "services" / service
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert list((folder / "migrations" / "versions").glob("*.py"))


def test_the_library_has_these_modules_and_no_others() -> None:
    folder = ROOT / "shared" / "sinergi"
    packages = {file.parent.name for file in folder.glob("*/__init__.py")}
    assert {file.stem for file in folder.glob("*.py")} | packages == SINERGI


def test_no_file_is_longer_than_can_be_read() -> None:
    files = [
        file for part in ("shared", "services", "deploy", "tests", "bench") for file in (ROOT / part).rglob("*.py")
    ]
    long = {str(file.relative_to(ROOT)): n for file in files if (n := len(file.read_text().splitlines())) > LONGEST}
    assert long == {}


#: for each import contract a line that breaks it, and the file to which it is added
BREAKS = [
    ("services/cases/commands.py", "import services.referrals.models", "Services never import each other"),
    ("shared/sinergi/events/event.py", "import services.cases.models", "The library knows neither"),
    ("deploy/operator/sinergi_operator/place.py", "import services.cases.models", "The operator knows"),
    ("services/cases/models.py", "import services.cases.commands", "Inside a service"),
    ("services/cases/queries.py", "import fastapi", "know neither FastAPI"),
    ("shared/sinergi/events/event.py", "import sqlalchemy", "What an agency installs"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code, copied to be broken."""
    folder = Path(tmp_path_factory.mktemp("code"))
    for part in ("services", "shared", "deploy/operator", "pyproject.toml"):
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / part), str(target)], check=True)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    path = [str(folder), str(folder / "shared"), str(folder / "deploy" / "operator")]
    call = "from importlinter.cli import lint_imports as lint; sys.exit(lint(no_cache=True))"
    program = f"import sys; sys.path[:0] = {path}; {call}"
    wide = os.environ | {"COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=wide, capture_output=True, text=True, check=False
    )


def test_the_import_contracts_are_kept(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("file", "line", "contract"), BREAKS, ids=[contract for *_, contract in BREAKS])
def test_each_import_contract_can_fail(copy: Path, file: str, line: str, contract: str) -> None:
    broken = copy / file
    before = broken.read_text()
    broken.write_text(f"{before}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        broken.write_text(before)
    assert done.returncode == 1
    lines = [one for one in done.stdout.splitlines() if contract in one]
    assert any("BROKEN" in one for one in lines), done.stdout
