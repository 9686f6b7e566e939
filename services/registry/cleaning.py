"""How names and addresses are cleaned before they are compared: rules as data, one definition for Python and SQL.

The patterns are written so that Python's `re` and DuckDB's RE2 read them alike; `linkage.keys` turns the same data
into SQL, and a test holds both to the same answers. A key is for comparing and searching, never for showing.
"""

import re
from functools import lru_cache

#: Latin letters with accents, and the letters that stand for them; signs inside a word that are left out
ACCENTED = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿĀāĒēĔĕĪīŌōŪūŠšŽž"
PLAIN = "AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyyAaEeEeIiOoUuSsZz"
INSIDE_WORDS = "'`´ʼ‘’"
#: anything else that is not ASCII separates words
NOT_ASCII = r"[^\x00-\x7F]"

#: written before a name: hajj, degrees, forms of address
TITLES = "H HJ HAJI HAJJAH DRS DRA DRG IR DR PROF KH NY NYONYA TN TUAN NN SDR SDRI IBU BAPAK BPK UST USTADZ KYAI KIAI"
#: written behind a name: of a dead person
LATE = "ALM ALMH ALMARHUM ALMARHUMAH"
#: written behind a name, after a comma or with their dots
DEGREES = (
    "A.MD A.MD.KEB A.MD.KEP A.MK B.A B.SC L.C M.A M.AG M.B.A M.E M.H M.HUM M.I.KOM M.KES M.KM M.KN M.KOM M.M M.PD "
    "M.PSI M.SC M.SI M.SN M.SOS M.T M.TH N.S PH.D S.AG S.AN S.AP S.E S.FARM S.H S.H.I S.HUM S.I.KOM S.I.P S.IP S.KED "
    "S.KEP S.KES S.KG S.KM S.KOM S.P S.PD S.PD.I S.PD.SD S.PI S.PSI S.PT S.S S.SI S.SN S.SOS S.ST S.SY S.T S.TH S.TP"
)
#: what a word of a name is short for or another spelling of
NAME_WORDS = {
    "MUHAMMAD": "MOH MUH MD MHD MOHD MOCH MUCH MOHAMAD MOHAMMAD MUHAMAD MOCHAMAD MOCHAMMAD MUCHAMAD MUCHAMMAD MUHAMMED",
    "AHMAD": "ACHMAD AKHMAD AHM ACH ACHMD AHMD",
    "ABDUL": "ABD ABDL",
    "SITI": "SITTI",
    "NUR": "NR",
    "BINTI": "BINTE BT BTE",
}
#: the same for the first word of several: an initial that the whole country reads alike
FIRST_WORDS = {"M": "MUHAMMAD", "ST": "SITI"}
#: a word with one of these is in the spelling of before 1972 (SJ, NJ), or of before 1947 (OE): DJ, J, TJ are J, Y, C
OLD = r"OE|DJ|TJ|SJ|^NJ"
#: replaced in this order; the 1 keeps a J that was DJ from becoming Y
OLD_SPELLING = (("DJ", "1"), ("TJ", "C"), ("J", "Y"), ("OE", "U"), ("1", "J"))

#: letters that name keys are heard without, and those that are heard alike: what is left is a name's skeleton
SILENT = "AEIOUHYW "
HEARD, HEARD_AS = "VQXZJ", "FKSSC"

SEXES = {"L": ("L", "LAKI-LAKI", "LAKI LAKI", "PRIA"), "P": ("P", "PEREMPUAN", "WANITA")}

STREET_WORDS = {
    "": "JL JLN JALAN NO NOMOR NOMER NMR",
    "GANG": "GG GNG",
    "KAMPUNG": "KP KPG KAMP",
    "BLOK": "BLK",
    "KOMPLEK": "KOMP KOMPLEKS KPL",
    "PERUM": "PERUMAHAN PRM",
    "DALAM": "DLM",
}
#: pattern -> replacement, in this order: letters and digits apart, no leading zeros, RT, RW and the place cut off
STREET_STEPS = (
    (r"([A-Z])([0-9])", r"\1 \2"),
    (r"([0-9])([A-Z])", r"\1 \2"),
    (r"\b0+([0-9])", r"\1"),
    (r"\bR[TW] [0-9].*$", ""),
    (r"\b(?:KEL|KELURAHAN|DESA|KEC|KECAMATAN|KAB|KABUPATEN) .*$", ""),
)

NAME_SIGNS = r"[^A-Z0-9,.]+"  # dots and commas tell a degree from a name, so they go last
SIGNS = r"[^A-Z0-9]+"


def alternatives(words: str) -> str:
    """Words as alternatives of a pattern."""
    return "|".join(words.split())


def _degrees() -> str:
    """A degree at the end: after a comma with or without dots, else with its dots; several may follow each other."""
    longest_first = sorted(DEGREES.split(), key=lambda degree: (-len(degree), degree))
    loose = "|".join(degree.replace(".", r"\.? ?") for degree in longest_first)
    dotted = "|".join(degree.replace(".", r"\. ?") for degree in longest_first)
    return rf"(?:(?:, ?(?:{loose})|[ ,](?:{dotted}))\.?)+[ .,]*$"


DEGREE = _degrees()
TITLE = rf"^(?:(?:{alternatives(TITLES)}) )+"
DEAD = rf"(?: (?:{alternatives(LATE)}))+$"
#: a name that none of these touches is its own key: most names, so this one search saves the rest
TOUCHED = (
    r"[^A-Z ]|  |^ | $|DJ|TJ|SJ|OE|\bNJ|"
    rf"\b(?:{alternatives(' '.join(NAME_WORDS.values()))}|{alternatives(LATE)}|{alternatives(TITLES)})\b|"
    rf"^(?:{'|'.join(FIRST_WORDS)}) "
)

_FOLD = str.maketrans(dict(zip(ACCENTED, PLAIN, strict=True)) | dict.fromkeys(INSIDE_WORDS, ""))
_HEARD = str.maketrans(dict(zip(HEARD, HEARD_AS, strict=True)) | dict.fromkeys(SILENT, ""))
_NOT_ASCII, _NAME_SIGNS, _SIGNS = re.compile(NOT_ASCII), re.compile(NAME_SIGNS), re.compile(SIGNS)
_TOUCHED, _DEGREE, _TITLE, _DEAD, _OLD = (re.compile(one) for one in (TOUCHED, DEGREE, TITLE, DEAD, OLD))
_NAME_WORD = {short: full for full, words in NAME_WORDS.items() for short in words.split()}
_STREET_WORD = {short: full for full, words in STREET_WORDS.items() for short in words.split()}
_STREET_STEPS = [(re.compile(pattern), replacement) for pattern, replacement in STREET_STEPS]


def name_key(text: str) -> str:
    """A name for comparing: capitals A-Z and digits, without accents, signs and titles, in one spelling.

    `H. Moh. Soerjono, S.Pd` is `MUHAMMAD SURYONO`. "" when there is nothing but signs. A microsecond for most names.
    """
    capitals = text.upper()
    if text.isascii() and not _TOUCHED.search(capitals):
        return capitals
    plain = _NAME_SIGNS.sub(" ", _ascii(text).upper())
    plain = _SIGNS.sub(" ", _DEGREE.sub("", plain)).strip()
    plain = _DEAD.sub("", _TITLE.sub("", plain))
    words = [_word(word) for word in plain.split(" ")]
    if len(words) > 1:
        words[0] = FIRST_WORDS.get(words[0], words[0])
    return " ".join(words)


def street_key(text: str) -> str:
    """A street and house number for comparing: `Jl. Kemuning IV No. 012 RT 3/4` is `KEMUNING IV 12`; "" for none."""
    plain = _SIGNS.sub(" ", _ascii(text).upper()).strip()
    for pattern, replacement in _STREET_STEPS:
        plain = pattern.sub(replacement, plain)
    words = (_STREET_WORD.get(word, word) for word in plain.split(" "))
    return " ".join(word for word in words if word)


def skeleton(key: str) -> str:
    """What is heard of a name key: its consonants, V as F, Q as K, X and Z as S, J as C."""
    return key.translate(_HEARD)


def _ascii(text: str) -> str:
    return _NOT_ASCII.sub(" ", text.translate(_FOLD))


@lru_cache(maxsize=50_000)
def _word(word: str) -> str:
    """One word in its present and full spelling; names are made of few words, so most answers are known."""
    if _OLD.search(word):
        for old, new in OLD_SPELLING:
            word = word.replace(old, new)
    return _NAME_WORD.get(word, word)
