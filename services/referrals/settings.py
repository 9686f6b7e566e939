"""What referrals needs to run, beside every service's settings."""

from pathlib import Path

from pydantic import Field, field_validator

from sinergi.settings import Settings, ensure_key


class ReferralsSettings(Settings):
    """The settings of referrals."""

    webhooks_key_file: Path = Field(
        Path(".sinergi/secrets/webhooks"),
        description="key from which the secrets of webhooks are made, made if missing; all replicas need the same",
    )
    webhook_ports: list[int] = Field([443, 8443], description="ports that webhooks may lead to")
    webhook_loopback: bool = Field(
        False, description="let webhooks lead to this machine itself, over http, on any port: for tests and demos"
    )
    webhook_ca_file: Path | None = Field(None, description="PEM of further authorities of webhooks' servers")
    webhook_retry_delays: list[float] = Field(
        [10, 60, 300, 1800, 7200, 21600, 43200, 43200, 43200, 43200, 43200, 43200],
        min_length=1,
        description="seconds before each new try of a delivery (a fifth more at random): three and a half days",
    )
    console_url: str = Field("http://127.0.0.1:8080", description="where the QR codes of letters lead")

    @field_validator("webhook_ca_file", mode="before")
    @classmethod
    def _no_file(cls, value: object) -> object:
        return value or None

    def webhooks_key(self) -> bytes:
        """The key in the file."""
        return ensure_key(self.webhooks_key_file)

    def verify_url(self) -> str:
        """The page on which a letter is verified, without its code."""
        return f"{self.console_url.rstrip('/')}/verify"
