"""What an agency needs to take part in Sinergi: `Agency`, and the events it may hear."""

from sinergi.agency import Agency, CommandRefused
from sinergi.events import (
    Event,
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralClosed,
    ReferralCompleted,
    ReferralDeclined,
    ReferralFailed,
    ReferralHeld,
    ReferralProgressed,
    ReferralReceived,
    ReferralRequested,
    ReferralRerouted,
    ReferralResumed,
    ReferralRetracted,
)

__all__ = [
    "Agency",
    "CommandRefused",
    "Event",
    "ReferralAccepted",
    "ReferralCancelRequested",
    "ReferralCancelled",
    "ReferralClosed",
    "ReferralCompleted",
    "ReferralDeclined",
    "ReferralFailed",
    "ReferralHeld",
    "ReferralProgressed",
    "ReferralReceived",
    "ReferralRequested",
    "ReferralRerouted",
    "ReferralResumed",
    "ReferralRetracted",
]
