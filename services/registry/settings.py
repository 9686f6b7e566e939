"""What the registry needs to run, beside every service's settings."""

from pathlib import Path

from pydantic import Field

from services.registry.seal import Seal
from services.registry.xlsx import Limits
from sinergi.settings import Settings, ensure_key


class RegistrySettings(Settings):
    """The registry's settings."""

    files_folder: Path = Field(
        Path(".sinergi/files"),
        description="where lists lie until they are read; all replicas need the same folder",
    )
    seal_key_file: Path = Field(
        Path(".sinergi/secrets/seal"),
        description="key that seals NIK and KK, made if missing; all replicas need the same; lost with it, numbers are",
    )
    programmes_file: Path | None = Field(None, description="JSON with the aid programmes, instead of the built-in ones")
    upload_max_bytes: int = Field(512 * 1024**2, description="largest file that is taken")
    unpacked_max_bytes: int = Field(400 * 1024**2, description="largest sum of a workbook's parts, unpacked")
    unpacked_max_ratio: int = Field(200, description="largest ratio of a workbook's unpacked to its packed bytes")
    unpacked_max_parts: int = Field(2000, description="most parts of a workbook")

    import_process: bool = Field(True, description="read lists in a process of their own, not inside the service")

    def limits(self) -> Limits:
        """What a workbook may unpack to."""
        return Limits(self.unpacked_max_bytes, self.unpacked_max_ratio, self.unpacked_max_parts)

    def seal(self) -> Seal:
        """The seal, by the key in the file."""
        return Seal(ensure_key(self.seal_key_file))
