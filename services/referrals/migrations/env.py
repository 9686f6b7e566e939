"""Alembic's entry: referrals's tables."""

from services.referrals.models import Base
from sinergi.migrate import run

run(Base.metadata)
