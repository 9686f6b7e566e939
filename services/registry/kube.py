"""The rules of a KUBE (kelompok usaha bersama, a group business), as data with their legal basis."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.registry.models import Person
from sinergi.problems import Refused


@dataclass(frozen=True, slots=True)
class KubeLimits:
    """How a KUBE is made up; local rules differ (some say ten), so the numbers stand here alone."""

    least: int
    most: int
    one_each: tuple[str, ...]
    legal_basis: str


LIMITS = KubeLimits(
    least=5, most=20, one_each=("ketua", "sekretaris", "bendahara"), legal_basis="Permensos 2/2019 (KUBE)"
)


def check_roles(persons: Sequence[UUID], roles: Sequence[str], limits: KubeLimits = LIMITS) -> None:
    """Refuse a group of another size, with somebody twice, or without exactly one of each office."""
    if len(persons) < limits.least:
        raise _refused("kube-too-small", f"A KUBE has at least {limits.least} members.", limits)
    if len(persons) > limits.most:
        raise _refused("kube-too-large", f"A KUBE has at most {limits.most} members.", limits)
    if len(set(persons)) < len(persons):
        raise _refused("kube-member-twice", "Somebody is named twice.", limits)
    counted = Counter(roles)
    wrong = [role for role in limits.one_each if counted[role] != 1]
    if wrong:
        raise _refused("kube-roles", f"A KUBE has exactly one {', one '.join(wrong)}.", limits)


def check_people(people: Sequence[Person], area: str, limits: KubeLimits = LIMITS) -> None:
    """Refuse members who are no heads of family or live in another kecamatan than the group's area."""
    district = ".".join(area.split(".")[:3])
    if area.count(".") < 2:
        raise _refused("kube-area-too-wide", "A KUBE belongs to one kecamatan: give its code.", limits)
    no_heads = [str(one.id) for one in people if not one.is_head]
    if no_heads:
        raise _refused("kube-member-not-head", "Every member is a head of family.", limits, no_heads)
    elsewhere = [str(one.id) for one in people if not one.area.startswith(district + ".")]
    if elsewhere:
        sentence = f"Every member lives in the kecamatan {district}."
        raise _refused("kube-other-district", sentence, limits, elsewhere)


def _refused(slug: str, sentence: str, limits: KubeLimits, persons: list[str] | None = None) -> Refused:
    return Refused(slug, sentence, legal_basis=limits.legal_basis, persons=persons or [])
