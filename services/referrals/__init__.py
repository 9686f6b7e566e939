"""Referrals: one agency asks another's desk for a service, and the loop is closed."""
