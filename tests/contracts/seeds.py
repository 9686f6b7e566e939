"""What is there before anybody asks at random: one of each thing, made over HTTP, so that what is asked is found.

A seed is (role, method, path, body): `{case_id}` and `=case_id` stand for the last such id that an answer told,
`=person_id:1` for the one before, `=version` for the version of the thing whose id stands in the path.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.cases.meeting_story import OBSTACLE
from tests.cases.noting import note, visit
from tests.cases.placing import NEED
from tests.cases.reporting import CALM as NO_RISK
from tests.cases.reporting import SEEN
from tests.cases.story import CALM, COACHING, GOALS
from tests.referrals.conftest import COACHING as SERVICE
from tests.registry.entering import HEAD, PURPOSE, fields_of, new_kk
from tests.registry.lists import TEBET, TEBET_TIMUR

Seed = tuple[str, str, str, Any]

SOON = (date.today() + timedelta(days=7)).isoformat()
LONG_AGO = (date.today() - timedelta(days=30)).isoformat()
VERSION = {"expected_version": "=version"}


def _people(count: int) -> list[Seed]:
    return [
        ("operator", "POST", "/persons", fields_of(kk=new_kk(), relation=HEAD, area=TEBET_TIMUR)) for _ in range(count)
    ]


def _group() -> Seed:
    roles = ["ketua", "sekretaris", "bendahara", "anggota", "anggota"]
    members = [{"person_id": f"=person_id:{place}", "role": role} for place, role in enumerate(roles)]
    return ("operator", "POST", "/groups", {"kind": "kube", "name": "KUBE Mawar", "area": TEBET, "members": members})


def _case(client: str = "person_id", kind: str = "person") -> Seed:
    client = {"client_kind": kind, "client_id": f"={client}", "area": "31.74.01", "way_in": "registry"}
    return ("social_worker", "POST", "/cases", client)


def _on_case(role: str, method: str, path: str, **body: Any) -> Seed:
    return (role, method, f"/cases/{{case_id}}{path}", body | VERSION)


def _planned() -> list[Seed]:
    assessed = _on_case("social_worker", "POST", "/assessments", instrument="general", answers=CALM)
    planned = _on_case("social_worker", "PUT", "/plan", goals=GOALS, steps=[COACHING | {"goal": "skill"}])
    return [
        _case("group_id", "group"),
        assessed,
        planned,
        _on_case("social_worker", "POST", "/plan/submit"),
        _on_case("supervisor", "POST", "/plan/approve", comment="Baik"),
    ]


def _intake() -> Seed:
    heard = {"way_in": "outreach", "reporter": "tksk", "contact": "TKSK, lewat telepon", "account": "Tidur di emperan"}
    where = {"area": "31.74", "place_area": "31.74.01", "place": "Tepi jalan", "needs": ["health"], "unknown": SEEN}
    return ("social_worker", "POST", "/intake", heard | where | {"seen_at": datetime.now(UTC).isoformat()})


def _registry() -> list[Seed]:
    person, now = "/persons/{person_id}", {"person_id": "=person_id", "reason": "asesmen", "expected_version": 1}
    aid = {"programme": "pkh", "period": "2026-Q1", "amount": 750_000, "giver": "kemensos", "reference": "SP2D-1"}
    why = {"reason": "sesuai akta kelahiran", "evidence": "akta 123/2026", "fields": {"birthplace": "Bandung"}}
    club = {"kind": "karang-taruna", "name": "Karang Taruna Uji", "area": "31.74.03", "services": ["pelatihan"]}
    return [
        *_people(6),
        _group(),
        ("operator", "GET", f"{person}?purpose={PURPOSE}", None),
        ("social_worker", "POST", f"{person}/requests", why),
        ("operator", "POST", "/needs", now | {"category": "fakir-miskin", "since": LONG_AGO}),
        ("operator", "POST", "/aid", aid | {"person_id": "=person_id", "given_on": LONG_AGO}),
        ("operator", "POST", "/organisations", club),
        *_people(2),
    ]


def _cases() -> list[Seed]:
    meeting = {"area": "31.74", "held_on": SOON, "place": "Aula"}
    panti = {"name": "Panti Uji", "area": "31.74", "serves": ["31"], "sexes": ["m", "f"], "kind": "elderly"}
    beds = [{"label": f"{number:02}", "sex": "f"} for number in range(4)]
    about = {"about": [{"kind": "case", "id": "=case_id"}]}
    lives = {"to_agency": "dinsos-jbr", "to_area": "35.09", "reason": "moved", "summary": "Pindah"}
    screening = {"answers": NO_RISK} | VERSION
    return [
        *_planned(),
        _case(),
        ("social_worker", "POST", "/cases/{case_id}/notes", note()),
        ("social_worker", "POST", "/cases/{case_id}/visits/plan", {"purpose": "monitoring", "on": SOON}),
        ("social_worker", "POST", "/cases/{case_id}/visits", visit()),
        ("facility_officer", "POST", "/facilities", panti | {"code": "panti-uji"}),
        ("facility_officer", "POST", "/facilities/{facility_id}/beds", {"beds": beds} | VERSION),
        ("social_worker", "POST", "/cases/{case_id}/placements", NEED),
        ("social_worker", "POST", "/obstacles", OBSTACLE | about),
        ("supervisor", "POST", "/meetings", meeting),
        _case("person_id:1"),
        _on_case("social_worker", "POST", "/transfers", **lives),
        _intake(),
        ("social_worker", "POST", "/intake/{intake_id}/screen", screening),
        _intake(),
    ]


def _referrals() -> list[Seed]:
    client = {"client_kind": "group", "client_id": "=group_id", "area": "31.74.01"}
    referral = client | {"service": "pembinaan-kube"}
    why = {"reason": "group-needs-coaching", "legal_basis": "UU 13/2011"}
    agency = {"name": "Dinas Koperasi", "kind": "opd", "connected": True}
    return [
        ("operator", "PUT", "/directory/agencies/koperasi", agency),
        ("operator", "PUT", "/directory/services/pembinaan-kube", SERVICE),
        ("social_worker", "POST", "/pathways", client | {"template": "kube-naik-kelas"}),
        ("operator", "POST", "/webhooks", {"agency": "koperasi", "url": "https://agency.example/"}),
        ("social_worker", "POST", "/referrals", referral | why),
        ("social_worker", "POST", "/referrals", referral | why | {"client_kind": "person", "client_id": "=person_id"}),
    ]


SEEDS: dict[str, list[Seed]] = {
    "registry": _registry(),
    "cases": _cases(),
    "referrals": _referrals(),
    "notify": [],
    "console": [],
}

#: codes and words that make sense, so that a request gets past its fields
USUAL = {
    "area": ["31.74", "31.74.01", "31.74.01.1001"],
    "instrument": ["general"],
    "category": ["fakir-miskin", "lansia-telantar"],
    "programme": ["pkh", "sembako"],
    "worker": ["social_worker@dinsos"],
    "goal": ["skill", "licence"],
    "source": ["ministry", "city"],
    "purpose": ["verifikasi lapangan", "monitoring"],
    "agency": ["koperasi", "dinsos"],
    "service": ["pembinaan-kube"],
    "step": ["pembinaan", "izin"],
    "template": ["kube-naik-kelas"],
    "reason": ["other", "verifikasi"],
}
