"""The 26 categories of people in need (PPKS, Permensos 8/2012), and special groups that are served beside them."""

import re

#: code -> (Indonesian, English). The order is the regulation's.
CATEGORIES: dict[str, tuple[str, str]] = {
    "anak-balita-telantar": ("Anak balita telantar", "Neglected child under five"),
    "anak-telantar": ("Anak telantar", "Neglected child"),
    "anak-berhadapan-hukum": ("Anak yang berhadapan dengan hukum", "Child in conflict with the law"),
    "anak-jalanan": ("Anak jalanan", "Street child"),
    "anak-disabilitas": ("Anak dengan kedisabilitasan", "Child with a disability"),
    "anak-korban-kekerasan": ("Anak korban tindak kekerasan", "Child victim of violence"),
    "anak-perlindungan-khusus": ("Anak yang memerlukan perlindungan khusus", "Child in need of special protection"),
    "lansia-telantar": ("Lanjut usia telantar", "Neglected elder"),
    "penyandang-disabilitas": ("Penyandang disabilitas", "Person with a disability"),
    "tuna-susila": ("Tuna susila", "Sex worker"),
    "gelandangan": ("Gelandangan", "Homeless person"),
    "pengemis": ("Pengemis", "Beggar"),
    "pemulung": ("Pemulung", "Waste picker"),
    "kelompok-minoritas": ("Kelompok minoritas", "Minority group"),
    "bekas-warga-binaan": ("Bekas warga binaan lembaga pemasyarakatan", "Former prisoner"),
    "hiv-aids": ("Orang dengan HIV/AIDS", "Person with HIV/AIDS"),
    "korban-napza": ("Korban penyalahgunaan NAPZA", "Victim of drug abuse"),
    "korban-trafficking": ("Korban trafficking", "Victim of trafficking"),
    "korban-kekerasan": ("Korban tindak kekerasan", "Victim of violence"),
    "pekerja-migran-bermasalah": ("Pekerja migran bermasalah sosial", "Migrant worker with social problems"),
    "korban-bencana-alam": ("Korban bencana alam", "Victim of a natural disaster"),
    "korban-bencana-sosial": ("Korban bencana sosial", "Victim of a social disaster"),
    "perempuan-rawan": ("Perempuan rawan sosial ekonomi", "Woman at social and economic risk"),
    "fakir-miskin": ("Fakir miskin", "Poor"),
    "keluarga-bermasalah": ("Keluarga bermasalah sosial psikologis", "Family with psychosocial problems"),
    "komunitas-adat-terpencil": ("Komunitas adat terpencil", "Remote indigenous community"),
}

#: served beside the 26: veterans' and independence pioneers' families (tali kasih, then empowerment)
SPECIAL_GROUPS: dict[str, tuple[str, str]] = {
    "keluarga-pahlawan": ("Keluarga pahlawan", "Family of a national hero"),
    "keluarga-perintis": ("Keluarga perintis kemerdekaan", "Family of an independence pioneer"),
}

NEEDS = CATEGORIES | SPECIAL_GROUPS


def _normal(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("terlantar", "telantar").replace("lansia", "lanjutusia"))


_CODES = {_normal(name): code for code, (name, _) in NEEDS.items()} | {_normal(code): code for code in NEEDS}


def need_code(text: str) -> str | None:
    """The code of a category as a list names it, in any case and with either spelling of (t)elantar; None: unknown."""
    return _CODES.get(_normal(text))
