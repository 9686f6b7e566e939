"""What the commands and questions about letters carry."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.referrals.codes import AgencyCode, Line
from services.referrals.letter_numbers import Scheme
from services.referrals.requests import Given, Page

#: surat rujukan goes from the sender to the receiver, surat balasan back
LetterKind = Literal["rujukan", "balasan"]
Zone = Literal["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]
OfficeCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,19}$")]
#: Nomor Induk Pegawai: 18 digits (birth date, month of appointment, sex, serial)
Nip = Annotated[str, StringConstraints(pattern=r"^\d{18}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
VerifyCode = Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{26}$")]


class WithdrawReason(StrEnum):
    """Why a letter no longer holds (ours)."""

    WRONG_CONTENT = "wrong-content"
    NOT_SENT = "not-sent"
    REPLACED = "replaced"
    ENTERED_IN_ERROR = "entered-in-error"
    OTHER = "other"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Signatory(_Request):
    """Who signs the office's letters: position, name, and the number of an official, if they are one."""

    position: Line
    name: Line
    nip: Nip | None = None
    rank: Line | None = None


class Schemes(_Request):
    """How the numbers of each kind of letter are written."""

    rujukan: Scheme = "{seq:03d}/RJK/{office}/{month_roman}/{year}"
    balasan: Scheme = "{seq:03d}/BLS/{office}/{month_roman}/{year}"


class PutLetterOffice(_Request):
    """What an agency's letters look like."""

    agency: AgencyCode
    office: OfficeCode
    letterhead: list[Line] = Field(min_length=1, max_length=8)
    place: Line
    zone: Zone = "Asia/Jakarta"
    schemes: Schemes = Schemes()
    signatory: Signatory


class MakeLetter(Given):
    """Make the letter of a referral as it stands now. `replaces`: the valid letter whose place this one takes."""

    kind: LetterKind
    replaces: UUID | None = None


class FilledLetter(MakeLetter):
    """A letter as the door hands it on: with what the registry said of the client, and where letters are verified."""

    client: dict[str, Any] = Field(exclude=True)
    verify_at: str = Field(exclude=True)


class WithdrawLetter(_Request):
    """The letter no longer holds. `expected_version`: its referral's."""

    letter_id: UUID
    expected_version: int = Field(ge=1)
    reason: Literal[WithdrawReason.WRONG_CONTENT, WithdrawReason.NOT_SENT, WithdrawReason.OTHER]


class PrintLetter(_Request):
    """The letter as a PDF."""

    letter_id: UUID


class PrintedLetter(PrintLetter):
    """A PDF that was made, before it is handed out."""

    sha256: Sha256


class ListLetters(Page):
    """The office's register of a year, newest first."""

    year: int = Field(ge=2000, le=2200)
