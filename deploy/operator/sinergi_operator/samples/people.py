"""Sample people as a stream, one household after another: nobody is kept in memory."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from random import Random

from sinergi_operator.samples.households import CHILD, GRANDCHILD, HEAD, PARENT, Member, families, members
from sinergi_operator.samples.names import full_name, pick_culture, pick_family
from sinergi_operator.samples.numbers import Serials
from sinergi_operator.samples.places import Area, Kelurahan, Registry, street_address
from sinergi_operator.samples.pools import Culture

AS_OF = date(2026, 6, 30)  # the day on which the sample lists were drawn: fixed, so that a seed never ages
_TODAY = AS_OF.toordinal()
_DESIL = tuple(accumulate((34, 26, 18, 13, 9)))  # percent of households in desil 1 … 5: mostly the poor are listed
_BEARS_THE_NAME = {HEAD, CHILD, GRANDCHILD, PARENT}
_NEGLECTED_ELDERLY = "Lanjut usia telantar"
# Some people never got a NIK (DOMAIN.md): shares of the neglected elderly and of the other adults.
_ELDERLY_WITHOUT_NIK, _ADULTS_WITHOUT_NIK = 0.03, 0.007


@dataclass(frozen=True, slots=True)
class Home:
    """A kartu keluarga and its address. `desil` is 1 (poorest) to 5, `kk` is "" where the lists show none."""

    household: int
    kk: str
    address: str
    rt: str
    rw: str
    kelurahan: Kelurahan
    desil: int


@dataclass(slots=True)
class Person:
    """One person as a list shows it. `born` is DD-MM-YYYY, `sex` L or P, `need` a PPKS category or "", `nik` ""
    for someone who has none.
    """

    number: int
    home: Home
    nik: str
    name: str
    birthplace: str
    born: str
    sex: str
    role: str
    need: str


class Population:
    """The people of one area, drawn from one random sequence. Make a new one to start again.

    In a `crowded` population several families share one KK and its address, 7.07 people on average; each
    family keeps a head of its own.
    """

    def __init__(self, area: Area, rng: Random, crowded: bool = False) -> None:
        self._crowded = crowded
        self._area = area
        self._rng = rng
        self._niks = Serials()
        self._kks = Serials()
        self._people = 0

    def households(self) -> Iterator[list[Person]]:
        """Households without end, the head first. They go round the kecamatan in turn, so that even a small
        sample holds enough of each to form a group there."""
        household = 0
        while True:
            kecamatan = self._area.kecamatan[household % len(self._area.kecamatan)]
            household += 1
            yield self._household(self._home(household, kecamatan[int(self._rng.random() * len(kecamatan))]))

    def moved(self, home: Home) -> Home:
        """The home after the household moved to another kelurahan of the area in the last year: with a new KK."""
        kelurahan = self._area.another_kelurahan(self._rng, home.kelurahan)
        return replace(self._home(home.household, kelurahan, years=1), desil=home.desil)

    def _home(self, household: int, kelurahan: Kelurahan, years: int = 15) -> Home:
        rng = self._rng
        recorded = date.fromordinal(_TODAY - int(rng.random() * years * 365))
        return Home(
            household=household,
            kk=self._kks.number(kelurahan.registry.digits, recorded),
            address=street_address(rng),
            rt=f"{1 + int(rng.random() * 15):03}",
            rw=f"{1 + int(rng.random() * 12):03}",
            kelurahan=kelurahan,
            desil=1 + bisect(_DESIL, rng.random() * _DESIL[-1]),
        )

    def _household(self, home: Home) -> list[Person]:
        if not self._crowded:
            return self._family(home)
        return [person for _ in range(families(self._rng)) for person in self._family(home)]

    def _family(self, home: Home) -> list[Person]:
        rng = self._rng
        culture = pick_culture(rng)
        family = pick_family(rng, culture)
        people: list[Person] = []
        for member in members(rng):
            surname = family if member.role in _BEARS_THE_NAME else pick_family(rng, culture)
            people.append(self._person(home, member, culture, surname))
            if member.role == HEAD and not family and rng.random() < 0.2:
                family = people[0].name.split()[-1]  # some families pass the father's last name on
        return people

    def _person(self, home: Home, member: Member, culture: Culture, family: str) -> Person:
        rng = self._rng
        self._people += 1
        day = date.fromordinal(_TODAY - int(member.age * 365.25))
        registry = self._first_registry(home, member.age)
        need = _need(rng, member, home.desil)
        return Person(
            number=self._people,
            home=home,
            nik="" if _has_no_nik(rng, member, need) else self._niks.number(registry.digits, day, member.sex == "P"),
            name=full_name(rng, culture, member.sex, day.year, family),
            birthplace=registry.town,
            born=f"{day.day:02}-{day.month:02}-{day.year}",
            sex=member.sex,
            role=member.role,
            need=need,
        )

    def _first_registry(self, home: Home, age: float) -> Registry:
        """Adults often moved to the area and keep the NIK of the place where they were registered first."""
        if self._rng.random() >= (0.05 if age < 18 else 0.24):
            return home.kelurahan.registry
        return self._area.elsewhere[int(self._rng.random() * len(self._area.elsewhere))]


def _need(rng: Random, member: Member, desil: int) -> str:
    """A PPKS category of Permensos 8/2012 that fits age, sex and desil; "" for none."""
    chance, child = rng.random(), member.age < 18
    if chance < 0.05:
        return "Anak dengan kedisabilitasan" if child else "Penyandang disabilitas"
    if member.age >= 60 and chance < 0.4:
        return _NEGLECTED_ELDERLY
    if child and chance < 0.1:
        return "Anak balita telantar" if member.age < 5 else "Anak telantar"
    if member.sex == "P" and not child and chance < 0.15:
        return "Perempuan rawan sosial ekonomi"
    return "Fakir miskin" if desil <= 2 or chance > 0.6 else ""


def _has_no_nik(rng: Random, member: Member, need: str) -> bool:
    if member.age < 18:
        return False
    return rng.random() < (_ELDERLY_WITHOUT_NIK if need == _NEGLECTED_ELDERLY else _ADULTS_WITHOUT_NIK)
