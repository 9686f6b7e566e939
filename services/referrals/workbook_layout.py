"""The sheets of the directory's workbook and their columns, for writing and for reading."""

#: how a desk is reached, a column each; several are parted by `|`
CHANNELS = ("phone", "whatsapp", "email", "website", "address")
#: stands behind a channel that may be shown to anybody
PUBLIC = "(public)"
#: (priority, term) of the clocks' columns
TERMS = tuple((priority, term) for priority in ("routine", "urgent") for term in ("acknowledge", "decide", "finish"))
#: a term that is never due
NEVER = "never"
#: sheet -> columns; the first row of each sheet names them
COLUMNS: dict[str, tuple[str, ...]] = {
    "agencies": ("code", "name", "kind", "connected"),
    "desks": ("code", "name", "receives", "area", *CHANNELS, "opening"),
    "services": (
        *("code", "agency", "desk", "name", "purpose", "needs", "documents"),
        *("acknowledge_hours", "decide_hours", "finish_hours"),
        *(f"{priority}_{term}" for priority, term in TERMS),
        "details_days",
    ),
    "eligibility": ("service", "line", "fact", "op", "value", "of"),
    "areas": ("service", "area"),
    "fields": ("service", "field"),
}
