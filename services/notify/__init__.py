"""Notify: every person and desk that must know, knows."""
