"""The comparison as data: seven fields, their levels, and what each level weighs, in bits (log2 of m / u).

Fellegi and Sunter's model: m is how often a level is seen in pairs that are the same person, u in pairs that are not.
A NIK holds a region, a birth date and a sex, and blocking brings pairs together that already agree in something, so
the fields are not independent. Therefore a pair first falls into a stratum by what it surely agrees in, and each
stratum has m, u and the odds of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

#: the fields in the order of the levels; their columns in the engine's output
FIELDS = ("name", "birth_date", "nik", "area", "rt_rw", "street", "sex")

#: the similarities (Jaro-Winkler) at which levels begin: DuckDB and rapidfuzz compute the same number
NAME_NEAR, NAME_CLOSE, NAME_ALIKE = 0.94, 0.88, 0.80
STREET_ALIKE = 0.88

#: field -> level -> (what a clerk reads in Indonesian, in English); level 0 is plain disagreement
LEVELS: dict[str, tuple[tuple[str, str], ...]] = {
    "name": (
        ("Nama berbeda", "The names differ"),
        ("Nama agak mirip", "The names are somewhat alike"),
        ("Nama mirip", "The names are alike"),
        ("Nama hampir sama (salah ketik)", "The names are almost the same (a typing mistake)"),
        (
            "Nama sama bunyinya, disingkat, atau urutan katanya lain",
            "The names sound the same, or one is abbreviated or in another order",
        ),
        ("Nama sama", "The names are the same"),
    ),
    "birth_date": (
        ("Tanggal lahir berbeda", "The birth dates differ"),
        ("Hanya tahun lahir yang sama", "Only the birth year is the same"),
        ("Tanggal lahir sama dengan yang tertulis di NIK", "The birth date is the one inside the other's NIK"),
        ("Tanggal lahir berbeda di satu bagian", "The birth dates differ in the day, the month or the year only"),
        ("Hari dan bulan lahir tertukar", "Day and month of birth are swapped"),
        ("Tanggal lahir sama", "The birth dates are the same"),
    ),
    "nik": (
        ("NIK berbeda", "The NIKs differ"),
        ("NIK berbeda dua angka", "The NIKs differ in two digits"),
        ("NIK sama kecuali nomor urut", "The NIKs are the same but for the serial number"),
        ("NIK berbeda satu angka", "The NIKs differ in one digit or two that are swapped"),
        ("NIK sama", "The NIKs are the same"),
    ),
    "area": (
        ("Kabupaten/kota berbeda", "Another kabupaten or kota"),
        ("Kabupaten/kota sama", "The same kabupaten or kota"),
        ("Kecamatan sama", "The same kecamatan"),
        ("Kelurahan/desa sama", "The same kelurahan or desa"),
    ),
    "rt_rw": (
        ("RT dan RW berbeda", "RT and RW differ"),
        ("RT atau RW sama", "RT or RW is the same"),
        ("RT dan RW sama", "RT and RW are the same"),
    ),
    "street": (
        ("Alamat berbeda", "The addresses differ"),
        ("Alamat mirip", "The addresses are alike"),
        ("Jalan sama, nomor rumah berbeda", "The same street, another house number"),
        ("Alamat sama", "The addresses are the same"),
    ),
    "sex": (
        ("Jenis kelamin berbeda", "The sexes differ"),
        ("Jenis kelamin sama", "The sexes are the same"),
    ),
}
NOT_COMPARED = ("Tidak dapat dibandingkan: kosong di salah satu daftar", "Not compared: empty in one of the lists")

#: what a pair agrees in beforehand: same household (linked, or the same KK), else the first of the others that holds
STRATA = ("household", "birth_date", "nik", "name", "rest")
SAME_NAME = 5
KNOWN_PAIRS = 500.0
WEIGHTS = Path(__file__).with_name("weights.json")
#: a name that is this many times rarer or commoner than most moves the weight no further, in bits
RARITY_BITS = 5.0

#: A NIK is given once and never again: the same NIK is a link until a person says otherwise, though its name and date
#: speak against it. Inside a linked household it may be another member's, written by mistake, so there it only weighs.
SAME_NIK, SAME_NIK_BITS = 4, 0.5
SAME_NIK_RULE = ("NIK sama: diperiksa petugas", "The same NIK: for a person to check")

#: one level for each of FIELDS, None where a field could not be compared
Levels = tuple[int | None, ...]
Table = tuple[tuple[float, ...], ...]


#: up to this level two NIKs are two numbers, not one with a slip
ANOTHER_NIK, SAME_DATE = 1, 5


def for_a_human(levels: Levels, household: bool) -> bool:
    """Whether a person must look at a pair, however much speaks for it.

    The same NIK under another name is somebody else's NIK, or a name that one list does not know. Two plainly
    different NIKs are two people, e.g. twins, or one person with two NIKs: both are for a human (DOMAIN.md: a NIK is
    never reissued). Of one name, one birth date and one household there is but one: a clerk typed the NIK of another
    member, which is the commonest way to two NIKs.
    """
    name, born, nik = levels[:3]
    if nik == SAME_NIK:
        return name == 0 and not household
    one_there = household and name == SAME_NAME and born == SAME_DATE
    return nik is not None and nik <= ANOTHER_NIK and not one_there


def stratum(levels: Levels, household: bool) -> int:
    """The place in STRATA to which a pair belongs."""
    name, born, nik = levels[:3]
    if household:
        return 0
    if born == 5:
        return 1
    if nik is not None and nik >= 2:
        return 2
    return 3 if name is not None and name >= 4 else 4


@dataclass(frozen=True, slots=True)
class Stratum:
    """`share`: of its candidate pairs that are the same person; `m` and `u`: field -> level -> probability."""

    share: float
    m: Table
    u: Table

    def weight(self, field: int, level: int) -> float:
        """The bits of a level of a field, by its place in FIELDS.

        The lowest level, a plain difference, never speaks for a pair, whatever few examples say: in a household whose
        members all live in one RT, "another RT" would else weigh more than any likeness.
        """
        bits = log2(self.m[field][level] / self.u[field][level])
        return bits if level else min(bits, 0.0)

    @property
    def odds(self) -> float:
        """The bits before any field is compared."""
        return log2(self.share / (1 - self.share))


@dataclass(frozen=True, slots=True)
class Model:
    """The weights of all strata, learned from one job or read from `weights.json`.

    `name_share`: how often two people bear the same name, the yardstick of a name's rarity. `known_pairs`: when
    learning begins from these weights, what they say of the same person's rows counts as so many pairs of a stratum.
    """

    strata: tuple[Stratum, ...]
    name_share: float
    known_pairs: float = KNOWN_PAIRS

    def to_json(self) -> str:
        """As text: probabilities with six digits, for people to read."""
        strata = {
            name: {"share": _round(one.share), "fields": {f: _columns(one, i) for i, f in enumerate(FIELDS)}}
            for name, one in zip(STRATA, self.strata, strict=True)
        }
        return json.dumps({"name_share": _round(self.name_share), "strata": strata}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Model":
        """The model that `to_json` wrote; KeyError or ValueError when it is not one."""
        data = json.loads(text)
        return cls(tuple(_stratum(data["strata"][name]) for name in STRATA), data["name_share"])

    @classmethod
    def default(cls) -> "Model":
        """The committed weights, learned from generated lists of 100,000 people."""
        return cls.from_json(WEIGHTS.read_text())

    def rarity(self, name_share: float | None) -> float:
        """Bits to add when both bear the same name and this share of the people bears it."""
        if not name_share:
            return 0.0
        return max(-RARITY_BITS, min(RARITY_BITS, log2(self.name_share / name_share)))

    def bits(self, levels: Levels, *, household: bool = False, name_share: float | None = None) -> float:
        """The score of a pair: 0 is as likely the same person as not, 10 is a thousand to one.

        `household`: whether their households are linked already. `name_share`: the share of people who bear the
        name, where it is known and both bear it.
        """
        one = self.strata[stratum(levels, household)]
        known = ((field, level) for field, level in enumerate(levels) if level is not None)
        score = one.odds + sum(one.weight(field, level) for field, level in known)
        score += self.rarity(name_share) if levels[0] == SAME_NAME else 0.0
        return max(score, SAME_NIK_BITS) if levels[2] == SAME_NIK and not household else score

    def explain(
        self, levels: Levels, *, household: bool = False, name_share: float | None = None
    ) -> list[dict[str, Any]]:
        """The score field by field: `field`, `level`, `bits`, `text_id`, `text_en`; the first is the beginning odds.

        The bits add up to `bits(...)`.
        """
        one = self.strata[stratum(levels, household)]
        told = [_told(one, field, level) for field, level in enumerate(levels)]
        if levels[0] == SAME_NAME:
            told[0]["bits"] += self.rarity(name_share)
        begin = ("Keluarga yang sama", "The same household") if household else ("Awal", "To begin with")
        lines = [_line("odds", None, one.odds, begin), *told]
        rule = self.bits(levels, household=household, name_share=name_share) - sum(line["bits"] for line in lines)
        return [*lines, _line("rule", None, rule, SAME_NIK_RULE)] if rule > 1e-6 else lines


def _told(one: Stratum, field: int, level: int | None) -> dict[str, Any]:
    name = FIELDS[field]
    text = NOT_COMPARED if level is None else LEVELS[name][level]
    bits = 0.0 if level is None else one.weight(field, level)
    return _line(name, level, bits, text)


def _line(field: str, level: int | None, bits: float, text: tuple[str, str]) -> dict[str, Any]:
    return {"field": field, "level": level, "bits": bits, "text_id": text[0], "text_en": text[1]}


def _columns(one: Stratum, field: int) -> list[dict[str, float]]:
    levels = range(len(one.m[field]))
    return [{"m": _round(one.m[field][level]), "u": _round(one.u[field][level])} for level in levels]


def _stratum(data: dict[str, Any]) -> Stratum:
    fields: Sequence[Sequence[dict[str, float]]] = [data["fields"][name] for name in FIELDS]
    if any(len(levels) != len(LEVELS[name]) for name, levels in zip(FIELDS, fields, strict=True)):
        raise ValueError("the weights do not have the levels of this version: learn them anew")
    m, u = (tuple(tuple(level[side] for level in levels) for levels in fields) for side in ("m", "u"))
    return Stratum(data["share"], m, u)


def _round(share: float) -> float:
    return float(f"{share:.6g}")
