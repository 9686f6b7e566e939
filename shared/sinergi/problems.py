"""How the domain says no: a stable slug, a sentence, a kind. It knows no HTTP status; the doors translate."""

from typing import Any, Literal

Kind = Literal["invalid", "unauthenticated", "forbidden", "not-found", "conflict", "too-many", "unavailable"]

#: RFC 9457: the HTTP status of each kind of refusal
STATUS: dict[Kind, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "conflict": 409,
    "too-many": 429,
    "unavailable": 503,
}


class Refused(Exception):
    """A command or query that the rules refuse.

    `slug` never changes once published, `detail` tells a person what to do, `extra` holds machine-readable members
    (e.g. the current state of a referral after a lost race). None of them may hold personal data.
    """

    def __init__(self, slug: str, detail: str, kind: Kind = "invalid", **extra: Any) -> None:
        super().__init__(f"{slug}: {detail}")
        self.slug, self.detail, self.kind, self.extra = slug, detail, kind, extra

    def problem(self) -> dict[str, Any]:
        """The refusal as RFC 9457 problem+json members."""
        return {
            "type": f"urn:sinergi:problem:{self.slug}",
            "title": self.slug.replace("-", " ").capitalize(),
            "status": STATUS[self.kind],
            "detail": self.detail,
            **self.extra,
        }

    @classmethod
    def of(cls, problem: dict[str, Any]) -> "Refused":
        """The refusal that a problem+json object tells of, said again here."""
        known = {"type", "title", "status", "detail"}
        kinds: dict[int, Kind] = {status: kind for kind, status in STATUS.items()}
        kind = kinds.get(problem["status"], "unavailable")
        slug = str(problem["type"]).rsplit(":", 1)[-1]
        extra = {name: value for name, value in problem.items() if name not in known}
        return cls(slug, str(problem["detail"]), kind, **extra)
