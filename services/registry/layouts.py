"""The layouts of the lists that we know: which column means what. A new list is a few lines of data here.

A list with another header is read by a mapping, {field of ours: column as the file names it}, which a human confirms
once for each source. `propose` guesses one from how columns are usually called.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

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
#: field -> how columns that hold it are called besides; the first that a file has is proposed
ALSO_CALLED: dict[str, str] = {
    "kk": "nokk nomorkk kk nomorkartukeluarga nokartukeluarga kartukeluarga idkeluarga",
    "nik": "nik noktp nomorktp ktp nomorindukkependudukan nonik noinduk",
    "name": "nama namalengkap namaanggota namaart namapenduduk namaanggotakeluarga namapenerima",
    "birthplace": "tempatlahir tmplahir tmptlahir kotalahir",
    "birth_date": "tanggallahir tgllahir tgllhr lahir tanggalkelahiran",
    "sex": "jeniskelamin lp jk kelamin sex gender jnskelamin",
    "address": "alamat alamatlengkap jalan alamatktp alamatdomisili",
    "rt": "rt nort",
    "rw": "rw norw",
    "rt_rw": "rtrw",
    "area": "kodekelurahan kodedesa kodewilayah kodekel kddesa kdkel iddesa kodekemendagri kodedesakelurahan",
    "village": "kelurahan desa namakelurahan namadesa kelurahandesa desakelurahan kel",
    "district": "kecamatan namakecamatan kec",
    "relation": "hubungan hubungankeluarga hubungandengankepalakeluarga shdk hubkel statushubungan hubkeluarga",
    "desil": "desil desilkesejahteraan desilnasional peringkat",
    "desil_period": "periodedesil periode tahundesil",
    "need": "jenisppks ppks kategori kategorippks jenispmks kebutuhan",
}
#: without these no row could be good
NEEDED = ("name", "area")
#: in the list of bad rows that goes back to its sender, the number that the row has in the list
ROW_COLUMN, ROW_FIELD = "Baris", "row"

_LIKE = 88  # two names of a column that agree so well mean the same (rapidfuzz, 0-100)
_DATA = re.compile(r"\d{5,}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


@dataclass(frozen=True, slots=True)
class Columns:
    """A file's header as it is written, and where each field of ours stands in it."""

    header: list[str]
    places: dict[str, int]


def match_header(header: Sequence[str], mapping: Mapping[str, str] | None = None) -> Columns:
    """Which column means what: by the mapping if the file has its columns, else by a known layout, in any order.

    `Refused` (`header-unknown`) names what is missing, the file's columns, and a proposed mapping; a first row that
    looks like somebody's data is not quoted.
    """
    cells = [cell.replace("\x00", "").strip()[:HEADER_CHARACTERS] for cell in header]
    normal = [_normal(cell) for cell in cells]
    if mapping and all(_normal(name) in normal for name in mapping.values()):
        return Columns(cells, {field: normal.index(_normal(name)) for field, name in mapping.items()})
    missing = {name: [one for one in layout if _normal(one) not in normal] for name, layout in LAYOUTS.items()}
    nearest = min(missing, key=lambda name: len(missing[name]))
    if missing[nearest]:
        raise _unknown(cells, nearest, missing[nearest])
    return Columns(cells, {field: normal.index(_normal(name)) for name, field in LAYOUTS[nearest].items()})


def check_mapping(mapping: Mapping[str, str]) -> None:
    """`Refused` (`mapping-not-valid`) for fields that we do not have, or without the needed ones."""
    unknown = sorted(set(mapping) - set(ALSO_CALLED))
    missing = [field for field in NEEDED if not mapping.get(field)]
    twice = sorted({"rt", "rw"} & set(mapping)) if "rt_rw" in mapping else []
    columns = {_normal(name) for name in mapping.values()} - {""}
    if unknown or missing or twice or len(columns) < len(mapping):
        raise Refused(
            "mapping-not-valid",
            "A mapping names a column of its own for `name`, `area` and other fields; `rt_rw` stands for two numbers.",
            fields=list(ALSO_CALLED),
            unknown=unknown,
            missing=missing,
        )


def propose(header: Sequence[str]) -> dict[str, str]:
    """A mapping for these columns as far as their names tell: exact names first, then names nearly the same."""
    free = {_normal(cell): cell for cell in reversed(header) if _normal(cell)}
    found: dict[str, str] = {}
    for like in (100, _LIKE):
        for field, names in ALSO_CALLED.items():
            if field in found:
                continue
            best = _nearest(names.split(), list(free), like)
            if best:
                found[field] = free.pop(best)
    if "rt_rw" in found:
        found = {field: name for field, name in found.items() if field not in ("rt", "rw")}
    return {field: found[field] for field in ALSO_CALLED if field in found}


def _nearest(names: Sequence[str], columns: Sequence[str], like: int) -> str | None:
    for name in names:
        best = process.extractOne(name, columns, scorer=fuzz.ratio, score_cutoff=like)
        if best:
            return best[0]
    return None


def _unknown(cells: list[str], nearest: str, missing: list[str]) -> Refused:
    """The problem is kept and shown: where the first row is no header but people, it must not be quoted."""
    if any(_DATA.search(cell) for cell in cells):
        sentence = "The first row looks like data, not like a header. Put a header above it and send it again."
        return Refused("header-unknown", sentence, layout=nearest, missing=missing, columns=[], mapping={})
    sentence = f"The header (row 1) is not known. Nearest is the {nearest} list; missing: {', '.join(missing)}."
    return Refused("header-unknown", sentence, layout=nearest, missing=missing, columns=cells, mapping=propose(cells))


def _normal(name: str) -> str:
    """`Tanggal Lahir (DD/MM/YYYY)` is `tanggallahir`."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", name).lower())
