"""The console's settings: where the services are, and how long somebody stays signed in."""

from pathlib import Path

from pydantic import Field, field_validator

from sinergi.settings import Settings


class ConsoleSettings(Settings):
    """What the console needs beside what every service needs."""

    users_file: Path | None = Field(None, description="JSON list of the built-in users")
    console_url: str = Field("http://127.0.0.1:8080", description="the address that browsers use")
    referrals_url: str = Field("http://127.0.0.1:8003", description="where referrals answers")
    cases_url: str = Field("http://127.0.0.1:8002", description="where cases answers")
    notify_url: str = Field("http://127.0.0.1:8004", description="where notify answers")
    registry_url: str = Field("http://127.0.0.1:8001", description="where registry answers")
    token_seconds: int = Field(1800, ge=900, le=3600, description="how long an access token is valid")
    session_hours: float = Field(8, gt=0, le=24, description="how long a browser stays signed in")

    @field_validator("users_file", mode="before")
    @classmethod
    def _no_file(cls, value: object) -> object:
        return value or None
