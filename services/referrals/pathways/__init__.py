"""Pathways as data: chains of referrals. A new one is a file `<code>.v<version>.json` here or in an operator's folder.

`form` says what a file may hold, `shelf` reads the files, `engine` decides what follows; none of them knows a database.
"""

from services.referrals.pathways.form import Policy, Template, TemplateStep
from services.referrals.pathways.shelf import Shelf, TemplateBroken, schema

__all__ = ["Policy", "Shelf", "Template", "TemplateBroken", "TemplateStep", "schema"]
