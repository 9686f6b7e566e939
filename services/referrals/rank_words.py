"""Why a service stands where it stands in a search, in words of both languages."""

from datetime import date

from services.referrals.eligibility_words import Words

_DISTANCES: tuple[tuple[str, str], ...] = (
    ("Di kelurahan yang sama", "In the same kelurahan"),
    ("Di kecamatan yang sama", "In the same kecamatan"),
    ("Di kota/kabupaten yang sama", "In the same city or regency"),
    ("Di provinsi yang sama", "In the same province"),
    ("Melayani seluruh Indonesia atau dari luar provinsi", "Serves the whole country, or from another province"),
)


def room_words(free: int | None, closed_until: date | None) -> Words:
    """How much room there is."""
    if closed_until:
        return {"id": f"Tutup sampai {closed_until:%d-%m-%Y}", "en": f"Closed until {closed_until:%d-%m-%Y}"}
    if free is None:
        return {"id": "Tanpa batas tempat", "en": "No limit of places"}
    if free == 0:
        return {"id": "Penuh", "en": "Full"}
    return {"id": f"{free} tempat kosong", "en": f"{free} free places"}


def distance_words(distance: int) -> Words:
    """How far it is, by the parts of the place."""
    indonesian, english = _DISTANCES[distance]
    return {"id": indonesian, "en": english}


def answer_words(within_hours: int | None) -> Words:
    """How soon half of the referrals were answered so far."""
    if within_hours is None:
        return {"id": "Belum ada catatan waktu jawab", "en": "No answers on record yet"}
    if within_hours < 48:
        count, unit, english = within_hours, "jam", "hours"
    else:
        count, unit, english = within_hours // 24, "hari", "days"
    return {"id": f"Biasanya menjawab dalam {count} {unit}", "en": f"Usually answers within {count} {english}"}
