"""Made-up people who are unlike each other and unlike everybody of tests.registry.lists: matching must not mix them."""

from hashlib import sha256
from itertools import count

from tests.registry.lists import Someone, someone

FIRST = "Agus Bambang Cahyono Darmawan Eko Fajar Gunawan Hendra Indra Joko Kurnia Lukman Mulyadi Nanang Oki Purnomo"
MIDDLE = "Rahmat Slamet Teguh Utomo Vicky Wahyu Yanto Zainal Arifin Budiman Candra Dwi Edi Firman Galih Hasan"
LAST = "Siregar Tanjung Wibisono Kusuma Maharani Nugroho Pratama Ramadhan Saputra Lubis Gultom Hutapea Setiawan Zebua"
AREAS = ("31.74.02.1001", "31.74.03.1001", "31.74.04.1001", "31.74.06.1001", "31.74.07.1001", "31.74.08.1001")

_numbers = count(1)


def stranger(**fields: object) -> Someone:
    """The next one; `fields` override."""
    digest = sha256(f"stranger {next(_numbers)}".encode()).digest()
    words = (
        names.split()[byte % len(names.split())] for names, byte in zip((FIRST, MIDDLE, LAST), digest, strict=False)
    )
    made = {
        "name": f"{' '.join(words)} {digest[8:12].hex().translate(_LETTERS)}",
        "area": AREAS[digest[4] % len(AREAS)],
    }
    return someone(**made | fields)


def strangers(number: int, **fields: object) -> list[Someone]:
    """So many."""
    return [stranger(**fields) for _ in range(number)]


_LETTERS = str.maketrans("0123456789abcdef", "bcdfghklmnprstwy")
