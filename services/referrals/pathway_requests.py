"""What each command on a pathway must carry, and the lists that can be asked for."""

from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.referrals.codes import Area, CancelReason, LegalBasis, ServiceCode, Text
from services.referrals.pathways.engine import PathwayState
from services.referrals.pathways.form import Key
from services.referrals.requests import Codes, Page
from sinergi.events import ClientKind


class SkipReason(StrEnum):
    """Why the worker passes a step over, or leaves what it did as it is (ours: no standard gives them)."""

    NOT_NEEDED = "not-needed"
    DONE_ELSEWHERE = "done-elsewhere"
    REFUSED = "refused"
    NO_SERVICE = "no-service"
    TAKEN_BACK = "taken-back"
    OTHER = "other"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartPathway(_Request):
    """Start a chain for a client by its template's code. `documents`: codes of the papers that you hold: they go along
    to the desks that ask for them. Without a `legal_basis` the template's is named."""

    template: Key
    client_kind: ClientKind
    client_id: UUID
    area: Area
    case_id: UUID | None = None
    legal_basis: LegalBasis | None = None
    documents: Codes = []


class StartPlanned(StartPathway):
    """Start what a step of a case's plan asks for; `step_id` goes along in each of its facts."""

    step_id: UUID


class OnPathway(_Request):
    """What every command to a pathway carries: which one, and the version that the giver has seen."""

    pathway_id: UUID
    expected_version: int = Field(ge=1)


class RetryStep(OnPathway):
    """Ask again now: this service, or whoever serves the need. Papers that you hold by now go along."""

    step: Key
    service: ServiceCode | None = None
    documents: Codes = []


class _Explained(OnPathway):
    reason: StrEnum
    note: Text | None = None

    @model_validator(mode="after")
    def _other_is_explained(self) -> Self:
        if self.reason == "other" and not self.note:
            raise ValueError("the reason other needs a note")
        return self


class SkipStep(_Explained):
    """Pass the step over; of one that is being taken back: it was seen to."""

    step: Key
    reason: SkipReason


class StopPathway(_Explained):
    """Go on no further: what runs is called back, what was done is taken back where its template says so."""

    reason: CancelReason


class ListPathways(Page):
    """The actor's agency's pathways in its area, newest first: in one state, of one case, or all."""

    state: PathwayState | None = None
    case_id: UUID | None = None
