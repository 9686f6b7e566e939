"""Users and secrets are made once, stay, and each lies where its reader alone sees it."""

import json
import subprocess
from pathlib import Path

import pytest
from pwdlib import PasswordHash

from sinergi_operator.compose import ensure_secrets
from sinergi_operator.setup import SERVICES, Login, ensure_users
from sinergi_operator.wheels import nats_binary


def rows(file: Path) -> dict[str, dict[str, str]]:
    return {row["username"]: row for row in json.loads(file.read_text())}


def opens(login: Login, users: dict[str, dict[str, str]]) -> bool:
    return PasswordHash.recommended().verify(login.password, users[login.username]["password_hash"])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_each_login_opens_its_user_and_both_files_are_private(tmp_path: Path) -> None:
    logins = ensure_users(tmp_path / "users")
    users = rows(tmp_path / "users" / "users.json")
    assert all(opens(login, users) and users[login.username]["sub"] == login.sub for login in logins)
    assert len({login.password for login in logins}) == len(logins) == 6
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "users").iterdir()} == {0o600}


def test_users_once_made_stay_as_they_are(tmp_path: Path) -> None:
    first = ensure_users(tmp_path)
    before = contents(tmp_path)
    assert ensure_users(tmp_path) == first
    assert contents(tmp_path) == before


def test_a_user_whom_somebody_added_stays(tmp_path: Path) -> None:
    ensure_users(tmp_path)
    file = tmp_path / "users.json"
    file.write_text(json.dumps([*rows(file).values(), {"username": "added", "sub": "1"}]))
    ensure_users(tmp_path)
    assert rows(file)["added"] == {"username": "added", "sub": "1"}


def test_lost_logins_are_replaced_by_new_ones_that_work_for_the_same_users(tmp_path: Path) -> None:
    first = ensure_users(tmp_path)
    (tmp_path / "logins.json").unlink()
    second = ensure_users(tmp_path)
    users = rows(tmp_path / "users.json")
    assert all(opens(login, users) for login in second)
    assert [login.sub for login in first] == [login.sub for login in second]
    assert {login.password for login in first}.isdisjoint(login.password for login in second)


def test_secrets_once_made_stay_as_they_are(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, ["koperasi", "bptsp"], [])
    before = contents(tmp_path)
    ensure_secrets(tmp_path, ["koperasi", "bptsp"], [])
    assert contents(tmp_path) == before


def test_each_reader_has_a_folder_with_its_own_secrets_alone(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, ["koperasi", "bptsp"], ["dinkes"])
    files = contents(tmp_path)
    for user in (*SERVICES, "koperasi", "bptsp"):
        mine = {name for name in files if name.startswith(f"{user}/")}
        keys = {"registry/seal", "cases/notes", "referrals/webhooks"}
        allowed = {f"{user}/{user}.nk", f"{user}/database-url", f"{user}/users.json", *keys}
        assert f"{user}/{user}.nk" in mine <= allowed
        seed = files[f"{user}/{user}.nk"]
        assert [name for name, content in files.items() if seed in content] == [f"{user}/{user}.nk"]
    assert "operator/dinkes.nk" in files
    for service in SERVICES:
        password = files[f"database/{service}"].decode()
        readers = {name.split("/")[0] for name, content in files.items() if password.encode() in content}
        assert readers == {"database", service}


def test_the_nats_server_takes_the_configuration_with_an_account_for_each_agency(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, ["koperasi", "bptsp"], ["dinkes"])
    file = tmp_path / "nats" / "nats.conf"
    checked = subprocess.run([nats_binary(), "-t", "-c", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert all(f"\n  {code} {{" in file.read_text() for code in ("koperasi", "bptsp", "dinkes"))


def test_a_name_of_ours_is_no_agency_code(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an agency code"):
        ensure_secrets(tmp_path, ["koperasi"], ["cases"])


def test_a_revoked_agency_has_no_account_in_the_images(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, ["koperasi", "bptsp"], ["dinkes"], ["bptsp", "dinkes"])
    accounts = (tmp_path / "nats" / "nats.conf").read_text()
    assert "\n  koperasi {" in accounts
    assert "\n  bptsp {" not in accounts
    assert "\n  dinkes {" not in accounts
