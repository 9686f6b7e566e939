"""What cases needs to run, beside every service's settings."""

from pathlib import Path

from pydantic import Field, field_validator

from services.cases.seal import Seal
from sinergi.settings import Settings, ensure_key


class CasesSettings(Settings):
    """The settings of cases."""

    attachments_url: str = Field(
        "",
        description="where attachments lie: file:///folder (one for all replicas) or s3://bucket/prefix?endpoint=…; "
        "unset: .sinergi/attachments",
    )
    attachment_max_bytes: int = Field(25 * 1024**2, gt=0, le=1024**3, description="largest attachment that is taken")
    notes_key_file: Path = Field(
        Path(".sinergi/secrets/notes"),
        description="key that seals confidential notes and attachments, made if missing; all replicas need the same",
    )
    instruments_folder: Path | None = Field(
        None, description="folder with further assessment instruments, or next versions of the built-in ones"
    )

    letterheads_file: Path | None = Field(
        None, description="JSON with the lines at the head of each office's papers: {agency: [line, …]}"
    )

    @field_validator("instruments_folder", "letterheads_file", mode="before")
    @classmethod
    def _no_folder(cls, value: object) -> object:
        return value or None

    def storage_url(self) -> str:
        """The URL of the storage."""
        return self.attachments_url or Path(".sinergi/attachments").absolute().as_uri()

    def seal(self) -> Seal:
        """The seal, by the key in the file."""
        return Seal(ensure_key(self.notes_key_file))
