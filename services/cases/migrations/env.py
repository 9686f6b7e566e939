"""Alembic runs this; see sinergi.migrate."""

from services.cases.models import Base
from sinergi.migrate import run

run(Base.metadata)
