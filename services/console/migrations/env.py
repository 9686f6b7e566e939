"""Alembic's entry: console's tables."""

from services.console.models import Base
from sinergi.migrate import run

run(Base.metadata)
