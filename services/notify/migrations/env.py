"""Alembic's entry: notify's tables."""

from services.notify.models import Base
from sinergi.migrate import run

run(Base.metadata)
