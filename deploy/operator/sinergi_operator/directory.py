"""What the demo puts into the directory of agencies and services, and the addresses that notices go to."""

from collections.abc import Collection
from typing import Any

from sinergi_operator.place import Api

AGENCIES: dict[str, dict[str, Any]] = {
    "dinsos": {"name": "Dinas Sosial", "kind": "social_office", "connected": False},
    "koperasi": {"name": "Dinas Koperasi dan UKM", "kind": "opd", "connected": True},
    "bptsp": {"name": "BPTSP / DPMPTSP", "kind": "opd", "connected": True},
}

SERVICES: dict[str, dict[str, Any]] = {
    "pembinaan-kube": {
        "agency": "koperasi",
        "desk": "pembinaan",
        "name": "Pembinaan KUBE",
        "purpose": "Pembinaan usaha kelompok",
        "fields": ["name", "address", "phone"],
        "documents": [],
        "areas": ["31"],
        "acknowledge_hours": 24,
        "decide_hours": 56,
        "finish_hours": 720,
        "needs": ["economic", "fakir-miskin"],
        # Permensos 2/2019: a KUBE is 5 to 20 heads of family
        "eligibility": {
            "all": [
                {"fact": "client_kind", "op": "any_of", "value": ["group"]},
                {"fact": "members", "op": ">=", "value": 5},
                {"fact": "members", "op": "<=", "value": 20},
            ]
        },
    },
    "izin-usaha-mikro": {
        "agency": "bptsp",
        "desk": "izin-usaha",
        "name": "Izin usaha mikro (NIB)",
        "purpose": "Penerbitan NIB usaha mikro",
        "fields": ["name", "nik", "address"],
        "documents": ["surat-keterangan-usaha"],
        "areas": ["31"],
        "acknowledge_hours": 24,
        "decide_hours": 56,
        "finish_hours": 168,
        "needs": ["economic", "legal"],
    },
}

#: desk -> how it is reached and when; offices, never persons
DESKS: dict[str, dict[str, Any]] = {
    "koperasi/pembinaan": {"name": "Pembinaan KUBE", "receives": "nats", "area": "31.74.09"},
    "bptsp/izin-usaha": {"name": "Izin usaha mikro", "receives": "nats", "area": "31.71.01"},
}
for _desk in DESKS.values():
    _desk["channels"] = [{"kind": "phone", "value": "+62 21 555 0100", "public": True}]
    _desk["opening"] = [{"day": day, "opens": "08:00", "closes": "15:00"} for day in ("MO", "TU", "WE", "TH", "FR")]

#: service -> how many it takes: an agency says this of its own
CAPACITY: dict[str, dict[str, Any]] = {"pembinaan-kube": {"places": 40, "places_per": "month"}}

#: recipient as the contacts' URL takes it -> address in the demo's mail server
CONTACTS = {
    "desk:koperasi:pembinaan": "pembinaan@koperasi.example",
    "desk:bptsp:izin-usaha": "izin-usaha@bptsp.example",
    "desk:dinsos:data": "data@dinsos.example",
    "user:{peksos}": "peksos@dinsos.example",
    "user:{supervisor}": "supervisor@dinsos.example",
}


async def fill(api: Api, subjects: dict[str, str], revoked: Collection[str] = ()) -> None:
    """Write agencies, services and contacts; again changes nothing. `subjects`: username -> `sub`. Agencies that were
    `revoked` are left as they are."""
    for code, agency in AGENCIES.items():
        if code not in revoked:
            await api.put("referrals", f"/directory/agencies/{code}", agency)
    for code, desk in DESKS.items():
        if code.split("/")[0] not in revoked:
            await api.put("referrals", f"/directory/desks/{code}", desk)
    for code, service in SERVICES.items():
        if service["agency"] not in revoked:
            await api.put("referrals", f"/directory/services/{code}", service)
    for code, capacity in CAPACITY.items():
        await api.post("referrals", f"/directory/services/{code}/capacity", capacity)
    for recipient, email in CONTACTS.items():
        await api.put("notify", f"/contacts/{recipient.format(**subjects)}", {"email": email})
