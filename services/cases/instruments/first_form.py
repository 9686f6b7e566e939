"""The form that the very first instrument had (`general.v1`): an item a domain. Old assessments are read by it."""

from typing import Any

from services.cases.instruments.form import LEVELS, Instrument

#: its file holds no Indonesian words, and is never edited: (Indonesian, English)
_DOMAINS = {
    "basic_needs": ("Kebutuhan dasar", "Basic needs"),
    "health": ("Kesehatan", "Health"),
    "family": ("Keluarga", "Family"),
    "economic": ("Ekonomi", "Economic"),
    "psychosocial": ("Psikososial", "Psychosocial"),
    "legal": ("Hukum dan identitas", "Legal matters and identity"),
    "safety": ("Keamanan", "Safety"),
}
_SCALE = ("Tidak ada kebutuhan", "Ringan", "Sedang", "Berat", "Kritis")


def in_the_form_of_now(file: dict[str, Any]) -> Instrument:
    """The instrument that such a file tells of: it asks, scores and judges as it always did."""
    return Instrument.model_validate(
        {
            "code": file["code"],
            "version": file["version"],
            "title": {"id": "Asesmen umum (bentuk pertama)", "en": "General assessment (first form)"},
            "source": file["source"],
            "dated": file["dated"],
            "for": {"clients": ["person", "household", "group"]},
            "scales": {"need": [_step(int(value), words) for value, words in file["scale"].items()]},
            "domains": [_domain(key, thresholds) for key, thresholds in file["domains"].items()],
            "items": [
                {"key": key, "domain": key, "kind": "scale", "scale": "need", "text": _title(key)}
                for key in file["domains"]
            ],
        }
    )


def is_of_the_first_form(file: Any) -> bool:
    """Whether the file is written in that form."""
    return isinstance(file, dict) and file.get("levels") == list(LEVELS) and "items" not in file


def _step(value: int, words: str) -> dict[str, Any]:
    return {"value": value, "points": value, "text": {"id": _SCALE[value], "en": words.capitalize()}}


def _domain(key: str, thresholds: dict[str, int]) -> dict[str, Any]:
    return {"key": key, "title": _title(key), "score": "max", "thresholds": thresholds}


def _title(key: str) -> dict[str, str]:
    return dict(zip(("id", "en"), _DOMAINS[key], strict=True))
