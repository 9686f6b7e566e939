"""A meeting on paper: agenda and minutes as PDF, and the workbook.

Made of what was frozen: the same meeting gives the same paper.
`meeting` is what `meeting_queries.read_meeting` gives. No client is named: cases stand by their number.
"""

from io import BytesIO
from typing import Any, Literal

import xlsxwriter

from services.cases.meeting_words import day, month, place, say
from services.cases.typst_pdf import typst_pdf

Paper = Literal["agenda", "minutes"]
Section = dict[str, Any]
POINTS = {
    "late": "Tugas yang terlambat",
    "decisions": "Keputusan terdahulu yang belum selesai",
    "plans": "Rencana yang menunggu persetujuan",
    "facilities": "Panti yang melebihi kapasitas",
    "numbers": "Angka bulan",
    "other": "Lain-lain",
}
_NONE = "Tidak ada."
#: signed by hand: no name of the chair lies here
_SIGNED = ["Pimpinan rapat,", "", "", "", "(……………………………)"]


async def meeting_pdf(meeting: dict[str, Any], paper: Paper, letterhead: list[str]) -> bytes:
    """The agenda as it was frozen, or the minutes; A4."""
    made_at = (meeting["approved_at"] or meeting["frozen_at"]) if paper == "minutes" else meeting["frozen_at"]
    return await typst_pdf("rakor.typ", content(meeting, paper, letterhead), made_at)


def content(meeting: dict[str, Any], paper: Paper, letterhead: list[str]) -> dict[str, Any]:
    """What stands on the paper, as the template takes it."""
    agenda, area = meeting["agenda"], place(meeting["area"])
    facts = [["Wilayah", area], ["Hari rapat", day(meeting["held_on"])], ["Tempat", meeting["place"]]]
    facts.append(["Data per", day(agenda["today"])])
    minutes = paper == "minutes"
    title = f"{'Notulen' if minutes else 'Agenda'} Rapat Koordinasi (Rakor)"
    return {
        "title": title,
        "head": letterhead,
        "facts": facts + ([["Peserta", _participants(meeting)], ["Keadaan", _state(meeting)]] if minutes else []),
        "sections": _minutes(meeting) if minutes else _agenda(agenda),
        "signed": _SIGNED if minutes else [],
        "foot": f"{title}, {area}, {day(meeting['held_on'])}",
    }


# ------------------------------------------------------------------- agenda


def _agenda(agenda: dict[str, Any]) -> list[Section]:
    late = _late(agenda["late"])
    return [
        *_obstacles(agenda["obstacles"]),
        late,
        _earlier(agenda["decisions"]),
        _plans(agenda),
        _full(agenda),
        _numbers(agenda),
    ]


def _obstacles(found: dict[str, Any]) -> list[Section]:
    """A table for each kecamatan, its lines by category."""
    columns = ["No.", "Kategori", "Kendala", "Berat", "Sejak (hari)", "Kasus", "Penanggung jawab", "Status"]
    widths = [2, 2.6, 4, 1.2, 1.9, 1.3, 2.3, 1.7]
    areas = dict.fromkeys(one["area"][:8] for one in found["items"])
    tables = [
        _section(
            f"Kendala: {place(area)}",
            columns,
            widths,
            [_obstacle(one) for one in found["items"] if one["area"][:8] == area],
        )
        for area in areas
    ]
    head = _section("Kendala yang terbuka", [], [], [], _of_all(found))
    return [head, *tables]


def _obstacle(one: dict[str, Any]) -> list[str]:
    owner = f"{one['owner']} ({one['office']})" if one["owner"] else "belum ada"
    since = f"{day(one['since'])} ({one['days']})"
    codes = [say(one["category"]), one["words"], say(one["severity"]), since, str(one["cases"])]
    return [one["number"], *codes, owner, say(one["state"])]


def _late(found: dict[str, Any]) -> Section:
    rows = [
        [
            place(one["regency"]),
            place(one["area"]),
            say(one["kind"]),
            str(one["tasks"]),
            day(one["oldest"]),
            str(one["days"]),
        ]
        for one in found["items"]
    ]
    words = [f"{place(one['regency'])}: {one['tasks']} tugas terlambat." for one in found["by_regency"]] or [_NONE]
    columns = ["Kota/kabupaten", "Kecamatan", "Jenis tugas", "Jumlah", "Terlama sejak", "Hari"]
    return _section(POINTS["late"], columns, [3, 3, 2.4, 1.2, 2, 1], rows, words)


def _earlier(found: dict[str, Any]) -> Section:
    rows = [
        [one["number"], one["text"], _who(one), day(one["due_on"]), "terlambat" if one["late"] else "berjalan"]
        for one in found["items"]
    ]
    columns = ["No.", "Keputusan", "Pelaksana", "Batas waktu", "Status"]
    return _section(POINTS["decisions"], columns, [1.6, 5, 2.6, 2, 1.6], rows, _of_all(found))


def _plans(agenda: dict[str, Any]) -> Section:
    rows = [
        [one["number"], place(one["area"]), day(one["submitted_on"]), str(one["days"])]
        for one in agenda["plans"]["items"]
    ]
    columns = ["Kasus", "Wilayah", "Diajukan", "Hari"]
    return _section(POINTS["plans"], columns, [2, 4, 2, 1], rows, _of_all(agenda["plans"]))


def _full(agenda: dict[str, Any]) -> Section:
    rows = [[one["code"], one["name"], place(one["area"]), str(one["extra"])] for one in agenda["facilities"]["items"]]
    columns = ["Kode", "Panti", "Wilayah", "Di atas kapasitas"]
    return _section(POINTS["facilities"], columns, [1.5, 4, 3, 1.8], rows, _of_all(agenda["facilities"]))


def _numbers(agenda: dict[str, Any]) -> Section:
    numbers = agenda["numbers"]
    words = [f"Kasus dibuka: {numbers['opened']}. Kasus ditutup: {numbers['closed']}."]
    rows = [[say(one["stage"]), str(one["cases"])] for one in numbers["stages"]]
    title = f"{POINTS['numbers']} {month(numbers['month'])}"
    return _section(title, ["Tahap kasus terbuka", "Jumlah"], [3, 1], rows, words)


# ------------------------------------------------------------------ minutes


def _minutes(meeting: dict[str, Any]) -> list[Section]:
    """The points that were talked about; the addenda after them."""
    said = [one for one in meeting["items"] if one["notes"] or one["decisions"]]
    sections = [_point(number, one, meeting) for number, one in enumerate(said, 1)]
    addenda = [f"{day(one['at'])}: {one['text']}" for one in meeting["addenda"]]
    return sections + ([_section("Adendum", [], [], [], addenda)] if addenda else [])


def _point(number: int, item: dict[str, Any], meeting: dict[str, Any]) -> Section:
    rows = [[one["text"], _who(one), day(one["due_on"])] for one in item["decisions"]]
    words = [item["notes"]] if item["notes"] else []
    title = f"{number}. {point_title(item, meeting['agenda'])}"
    return _section(title, ["Keputusan", "Pelaksana", "Batas waktu"], [5, 2.6, 2], rows, words)


def point_title(item: dict[str, Any], agenda: dict[str, Any]) -> str:
    """What the point is called: the obstacle as it was frozen, or the point of every agenda."""
    if item["kind"] != "obstacle":
        return POINTS[item["kind"]]
    one = next(one for one in agenda["obstacles"]["items"] if one["id"] == str(item["obstacle_id"]))
    return f"{say(one['category'])}, {place(one['area'])}: {one['words']}"


def _who(one: dict[str, Any]) -> str:
    return f"{one['desk']}, dikawal {one['worker']}" if one["desk"] else str(one["worker"])


def _participants(meeting: dict[str, Any]) -> str:
    named = [f"{one['name']} ({one['office']})" if one["office"] else one["name"] for one in meeting["participants"]]
    return ", ".join(named) or "belum dicatat"


def _state(meeting: dict[str, Any]) -> str:
    return f"Disetujui {day(meeting['approved_at'])}" if meeting["approved_at"] else "Rancangan, belum disetujui"


# ----------------------------------------------------------------- workbook


def workbook(meeting: dict[str, Any]) -> bytes:
    """Three sheets: kendala, terlambat, keputusan. No text is taken for a formula, a number or a link."""
    target, agenda = BytesIO(), meeting["agenda"]
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(target, options) as book:
        # else the hour of the download makes each file another one
        book.set_properties({"created": meeting["frozen_at"].replace(tzinfo=None, microsecond=0)})
        _sheet(book, "kendala", _OBSTACLES, agenda["obstacles"]["items"])
        _sheet(book, "terlambat", _LATE, agenda["late"]["items"])
        _sheet(book, "keputusan", _DECISIONS, _decided(meeting))
    return target.getvalue()


_AREA = ("Kode wilayah", "area"), ("Wilayah", "place")
_OBSTACLES = (
    *(("Nomor", "number"), *_AREA, ("Kategori", "category"), ("Kendala", "words"), ("Berat", "severity")),
    *(("Sejak", "since"), ("Hari", "days"), ("Kasus", "cases"), ("Penanggung jawab", "owner"), ("Instansi", "office")),
    ("Status", "state"),
)
_LATE = (
    *(("Kota/kabupaten", "regency"), *_AREA, ("Jenis tugas", "kind"), ("Jumlah", "tasks")),
    *(("Terlama sejak", "oldest"), ("Hari", "days")),
)
_DECISIONS = (
    *(("Asal", "origin"), ("Keputusan", "text"), ("Pelaksana", "worker"), ("Loket instansi lain", "desk")),
    ("Batas waktu", "due_on"),
)


def _decided(meeting: dict[str, Any]) -> list[dict[str, Any]]:
    earlier = [one | {"origin": "terdahulu"} for one in meeting["agenda"]["decisions"]["items"]]
    return earlier + [one | {"origin": "rapat ini"} for item in meeting["items"] for one in item["decisions"]]


def _sheet(book: Any, name: str, columns: tuple[tuple[str, str], ...], lines: list[dict[str, Any]]) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, [title for title, _ in columns], book.add_format({"bold": True}))
    for row, line in enumerate(lines, 1):
        worded = line | {"place": place(line["area"]) if "area" in line else ""}
        worded |= {key: say(worded[key]) for key in ("category", "severity", "state", "kind") if key in worded}
        sheet.write_row(row, 0, [worded.get(key, "") for _, key in columns])
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 18)


# ------------------------------------------------------------------- inside


def _section(
    title: str, columns: list[str], widths: list[float], rows: list[list[str]], words: list[str] | None = None
) -> Section:
    return {"title": title, "words": words or [], "columns": columns, "widths": widths, "rows": rows}


def _of_all(found: dict[str, Any]) -> list[str]:
    shown, total = len(found["items"]), found["total"]
    if not total:
        return [_NONE]
    return [f"{total} seluruhnya." if shown == total else f"{shown} dari {total} yang ditampilkan."]
