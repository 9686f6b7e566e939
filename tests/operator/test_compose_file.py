"""What docker-compose.yml promises: locked containers, each with its own secrets, the same settings as the wheels."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sinergi_operator.servers import POSTGRES_SETTINGS
from sinergi_operator.setup import SERVICES

FILE = Path(__file__).parents[2] / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
#: what differs in a container: it listens on its network, and its memory is the machine's default
ONLY_EMBEDDED = {"listen_addresses", "unix_socket_directories", "fsync", "synchronous_commit", "shared_buffers"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_locked(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["init"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in container


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - {"setup"}))
def test_every_container_sees_at_most_its_own_secrets_and_cannot_change_them(name: str) -> None:
    secrets = [volume for volume in CONTAINERS[name].get("volumes", []) if "-secrets:" in volume]
    owner = "operator" if name in ("directory", "demo") else name
    assert secrets in ([f"{owner}-secrets:/run/secrets:ro"], [])


def test_setup_fills_every_volume_of_secrets_and_reaches_no_network() -> None:
    filled = {volume.split(":")[0] for volume in CONTAINERS["setup"]["volumes"]}
    assert {volume for volume in COMPOSE["volumes"] if volume.endswith("-secrets")} <= filled
    assert CONTAINERS["setup"]["network_mode"] == "none"


def test_agencies_reach_nats_alone_and_the_database_is_reached_by_services_alone() -> None:
    def on(network: str) -> set[str]:
        return {name for name, container in CONTAINERS.items() if network in container.get("networks", [])}

    assert on("border") == {"nats", "koperasi", "bptsp"}
    assert on("data") == {"postgres", "database", *SERVICES}
    assert COMPOSE["networks"]["border"] == COMPOSE["networks"]["data"] == {"internal": True}


def test_only_the_console_is_published_and_only_on_this_machine() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert list(published) == ["console"]
    assert all(port.startswith("127.0.0.1:") for port in published["console"])


def test_postgresql_has_the_same_settings_as_the_one_from_the_wheel() -> None:
    given = dict(option.removeprefix("-c").split("=") for option in CONTAINERS["postgres"]["command"][1:])
    assert given == {name: value for name, value in POSTGRES_SETTINGS.items() if name not in ONLY_EMBEDDED}
