"""What a service may be for: the 26 PPKS categories, special groups, and the domains of an assessment, as codes.

Categories: Permensos 8/2012, as the registry codes them. Domains: those of the cases' assessment. Services keep no
code in common, so a test compares these with theirs.
"""

#: code -> (Indonesian, English). The order is the regulation's; the special groups follow.
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
    "keluarga-pahlawan": ("Keluarga pahlawan", "Family of a national hero"),
    "keluarga-perintis": ("Keluarga perintis kemerdekaan", "Family of an independence pioneer"),
}

#: domain of an assessment -> (Indonesian, English)
DOMAINS: dict[str, tuple[str, str]] = {
    "basic_needs": ("Kebutuhan dasar", "Basic needs"),
    "health": ("Kesehatan", "Health"),
    "family": ("Keluarga", "Family"),
    "economic": ("Ekonomi", "Economic"),
    "psychosocial": ("Psikososial", "Psychosocial"),
    "legal": ("Hukum dan dokumen", "Legal and papers"),
    "safety": ("Keamanan", "Safety"),
}

NEEDS = CATEGORIES | DOMAINS
