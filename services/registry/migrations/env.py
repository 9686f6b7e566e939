"""Alembic's entry point for this service."""

from services.registry.models import Base
from sinergi.migrate import run

run(Base.metadata)
