"""The layouts of the lists that we know: which column means what. A new list is a few lines of data here."""

import re
from dataclasses import dataclass

from sinergi.problems import Refused

HEADER_CHARACTERS = 100
DELIMITERS = (";", ",", "\t", "|")

#: layout -> {column as the list writes it: field of ours}; names are compared without case, blanks and signs
LAYOUTS: dict[str, dict[str, str]] = {
    "ministry": {
        "NO_KK": "kk",
        "NIK": "nik",
        "NAMA_LENGKAP": "name",
        "TEMPAT_LAHIR": "birthplace",
        "TGL_LAHIR": "birth_date",
        "JENIS_KELAMIN": "sex",
        "ALAMAT": "address",
        "RT": "rt",
        "RW": "rw",
        "KODE_KELURAHAN": "area",
        "HUBUNGAN": "relation",
        "DESIL": "desil",
        "PERIODE_DESIL": "desil_period",
    },
    "city": {
        "No. KK": "kk",
        "NIK": "nik",
        "Nama": "name",
        "Tempat Lahir": "birthplace",
        "Tanggal Lahir": "birth_date",
        "L/P": "sex",
        "Alamat": "address",
        "RT/RW": "rt_rw",
        "Kelurahan": "village",
        "Kecamatan": "district",
        "Kode Kelurahan": "area",
        "Hubungan Keluarga": "relation",
        "Jenis PPKS": "need",
    },
}


@dataclass(frozen=True, slots=True)
class Columns:
    """A file's header as it is written, and where each field of ours stands in it."""

    header: list[str]
    places: dict[str, int]


def match_header(header: list[str]) -> Columns:
    """The columns of a known layout, in any order, others beside them; `Refused` names what is missing."""
    cells = [cell.replace("\x00", "").strip()[:HEADER_CHARACTERS] for cell in header]
    normal = [_normal(cell) for cell in cells]
    missing = {name: [one for one in layout if _normal(one) not in normal] for name, layout in LAYOUTS.items()}
    nearest = min(missing, key=lambda name: len(missing[name]))
    if missing[nearest]:
        raise Refused(
            "header-unknown",
            f"The header (row 1) is not known. Nearest is the {nearest} list; missing: {', '.join(missing[nearest])}.",
            layout=nearest,
            missing=missing[nearest],
        )
    return Columns(cells, {field: normal.index(_normal(name)) for name, field in LAYOUTS[nearest].items()})


def _normal(name: str) -> str:
    """`Tanggal Lahir (DD/MM/YYYY)` is `tanggallahir`."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", name).lower())
