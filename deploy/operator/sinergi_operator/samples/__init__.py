"""Seeded sample people: two official lists of one population as such lists really look, and the truth."""

from sinergi_operator.samples.bad import write_bad_files
from sinergi_operator.samples.lists import HouseholdSize, SampleFiles, generate

__all__ = ["HouseholdSize", "SampleFiles", "generate", "write_bad_files"]
