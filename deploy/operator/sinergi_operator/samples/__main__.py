"""`python -m sinergi_operator.samples --people 10000 --seed 1 --out DIR` writes the sample lists; see `--help`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sinergi_operator.samples import HouseholdSize, generate


def main(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 1,
    area: Annotated[str, typer.Option(help="A wilayah code: province, kota, kabupaten or kecamatan.")] = "31.74",
    errors: Annotated[
        tuple[float, float], typer.Option(help="Shares of mistaken rows: the ministry's, then the city's.")
    ] = (0.03, 0.12),
    without_nik: Annotated[bool, typer.Option("--without-nik", help="No row shows a NIK.")] = False,
    without_kk: Annotated[bool, typer.Option("--without-kk", help="No row shows a KK number.")] = False,
    household_size: Annotated[HouseholdSize, typer.Option(help="3.04 or 7.07 people a KK.")] = "nation",
    city_csv: Annotated[bool, typer.Option("--city-csv", help="The city's list as CSV, not XLSX.")] = False,
) -> None:
    """Write a ministry list, a city list and the truth behind them about generated people."""
    console = Console()
    bar = Progress(TextColumn("people"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    with bar:
        task = bar.add_task("people", total=people)
        try:
            files = generate(
                out,
                people,
                seed,
                area,
                errors=errors,
                without_nik=without_nik,
                without_kk=without_kk,
                household_size=household_size,
                city_csv=city_csv,
                progress=lambda number: bar.update(task, completed=number),
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    for path, rows in (
        (files.ministry, files.ministry_rows),
        (files.city, files.city_rows),
        (files.truth, people),
    ):
        console.print(f"{rows:>9,} rows  {path}", soft_wrap=True)
    console.print(f"{files.in_both:,} people are in both lists, {files.city_twice:,} twice in the city's (seed {seed})")


if __name__ == "__main__":
    typer.run(main)
