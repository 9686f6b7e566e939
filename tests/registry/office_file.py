"""Opens an encrypted workbook with other people's code: msoffcrypto-tool and olefile, which know nothing of ours."""

from io import BytesIO

import msoffcrypto
import olefile
from msoffcrypto.exceptions import InvalidKeyError


class WrongPassword(Exception):
    """The password does not open the file."""


def streams(file: bytes) -> dict[str, bytes]:
    """The streams of a compound file by their own names."""
    with olefile.OleFileIO(BytesIO(file)) as compound:
        return {path[-1]: compound.openstream(path).read() for path in compound.listdir()}


def opened(file: bytes, password: str) -> bytes:
    """What the password opens, its integrity verified; AssertionError when the content was changed."""
    office, content = msoffcrypto.OfficeFile(BytesIO(file)), BytesIO()
    try:
        office.load_key(password=password, verify_password=True)
    except InvalidKeyError as wrong:
        raise WrongPassword from wrong
    try:
        office.decrypt(content, verify_integrity=True)
    except InvalidKeyError as wrong:  # its last complaint, after all is written, is that the content is no workbook
        if "integrity" in str(wrong):
            raise AssertionError("the content was changed") from wrong
    return content.getvalue()
