"""Two lists about other people: nobody is linked, however crowded the place where they live."""

import csv
from datetime import date, timedelta
from pathlib import Path
from random import Random

from services.registry.linkage.engine import link
from services.registry.linkage.sources import Job, Source

COLUMNS = ("id", "name", "birth_date", "sex", "nik", "household", "area", "rt", "rw", "address")
FIRST = ("BUDI", "AGUS", "SITI", "DEWI", "RINA", "HADI", "JOKO", "SRI", "WATI", "TONO", "EKO", "NUR", "YANI", "LINA")
LAST = ("SANTOSO", "WIBOWO", "LESTARI", "HARYANTO", "SUSANTO", "KUSUMA", "PRATAMA", "HIDAYAT", "SAPUTRA", "SETIAWAN")


def crowd(folder: Path, name: str, people: int, seed: int) -> Source:
    """People of one street and one RT, as of a panti, with dates of birth that come again and again."""
    rng = Random(seed)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(people):
            born = date(1950, 1, 1) + timedelta(days=7 * (number % 600))
            full = f"{rng.choice(FIRST)} {rng.choice(LAST)} {rng.choice(LAST)}"
            nik = f"31740{seed}{rng.randrange(10**10):010}"
            kk = f"31740{seed}{number // 3:010}"
            area = f"31.74.01.100{number % 6 + 1}"
            writer.writerow([number, full, born, "L", nik, kk, area, "003", "007", "JL. CONTOH NO. 1"])
    columns = {column: column for column in COLUMNS}
    return Source(f"SELECT * FROM read_csv('{folder / name}.csv', all_varchar = true)", columns)


def test_strangers_of_one_street_are_never_linked_by_the_engine_alone(tmp_path: Path) -> None:
    """EM has no true pair to learn from here, and once believed in the commonest likeness (1,572 wrong links)."""
    left, right = crowd(tmp_path, "left", 12_000, 1), crowd(tmp_path, "right", 3_000, 2)
    found = link(Job(left, right, tmp_path / "links.parquet", tmp_path / "work", memory_mb=300))
    assert {how: count for how, count in found.links.items() if how[1] == "same"} == {}
