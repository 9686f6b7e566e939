"""What the demo puts into the directory of agencies and services, and the addresses that notices go to."""

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
    },
}

#: recipient as the contacts' URL takes it -> address in the demo's mail server
CONTACTS = {
    "desk:koperasi:pembinaan": "pembinaan@koperasi.example",
    "desk:bptsp:izin-usaha": "izin-usaha@bptsp.example",
    "desk:dinsos:data": "data@dinsos.example",
    "user:{peksos}": "peksos@dinsos.example",
    "user:{supervisor}": "supervisor@dinsos.example",
}


async def fill(api: Api, subjects: dict[str, str]) -> None:
    """Write agencies, services and contacts; again changes nothing. `subjects`: username -> `sub`."""
    for code, agency in AGENCIES.items():
        await api.put("referrals", f"/directory/agencies/{code}", agency)
    for code, service in SERVICES.items():
        await api.put("referrals", f"/directory/services/{code}", service)
    for recipient, email in CONTACTS.items():
        await api.put("notify", f"/contacts/{recipient.format(**subjects)}", {"email": email})
