"""Every setting of a service, read from the environment with the prefix SINERGI_ (listed in docs/operator.md)."""

import os
import secrets
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What one service needs to run. A service's own settings subclass this."""

    model_config = SettingsConfigDict(env_prefix="SINERGI_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/database of this service")
    database_url_file: Path | None = Field(None, description="file with that URL, instead of it")
    nats_url: str = Field("nats://127.0.0.1:4222", description="NATS server or comma-separated servers")
    nats_seed_file: Path | None = Field(None, description="file with this service's NKEY seed")
    issuer: str = Field("http://127.0.0.1:8080", description="OIDC issuer whose tokens are accepted")
    jwks_url: str | None = Field(None, description="where its keys are, if not told by its discovery document")
    audience: str = Field("sinergi", description="the `aud` that a token must name")
    claim_role: str = Field("sinergi_role", description="claim that holds the role")
    claim_agency: str = Field("sinergi_agency", description="claim that holds the agency's code")
    claim_area: str = Field("sinergi_area", description="claim that holds the area's code (wilayah)")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, description="port to listen on")
    migrate: bool = Field(True, description="bring the database's tables up to date at start")
    retry_delays: list[float] = Field(
        [1, 5, 30, 120, 600], description="seconds before each new try of an event whose handler failed"
    )
    stream_max_bytes: int = Field(
        2 * 1024**3, description="bytes a stream may hold; a full stream refuses, it never drops"
    )
    stream_replicas: int = Field(1, description="copies of each stream; 3 in a cluster of three")
    holidays_file: Path | None = Field(
        None, description="JSON with days off that the nation does not share: [{date, area, name}]"
    )
    log_format: Literal["json", "console"] = Field("json", description="how log lines look")
    log_level: str = Field("INFO", description="lowest level that is logged")

    @model_validator(mode="before")
    @classmethod
    def _read_database_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        if (file := values.get("database_url_file")) and not values.get("database_url"):
            return values | {"database_url": Path(file).read_text().strip()}
        return values

    @field_validator("database_url_file", "nats_seed_file", "jwks_url", "holidays_file", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    def nats_servers(self) -> list[str]:
        """The NATS servers to connect to."""
        return [url.strip() for url in self.nats_url.split(",")]

    def asyncpg_dsn(self) -> str:
        """The database's URL as asyncpg takes it."""
        return self.database_url.get_secret_value().replace("postgresql+asyncpg://", "postgresql://")

    def sqlalchemy_url(self) -> str:
        """The database's URL as SQLAlchemy takes it."""
        return self.asyncpg_dsn().replace("postgresql://", "postgresql+asyncpg://", 1)


def ensure_key(path: Path) -> bytes:
    """The key in the file (64 hexadecimal digits, mode 0600), made at the first start (docs/decisions/0004)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, secrets.token_hex(32))
    key = bytes.fromhex(path.read_text().strip())
    if len(key) != 32:
        raise ValueError(f"{path} must hold 64 hexadecimal digits")
    return key


def _create(path: Path, content: str) -> None:
    """Whole or not at all, and never over a file that another replica has just made."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # the other replica's counts
    finally:
        part.unlink()
