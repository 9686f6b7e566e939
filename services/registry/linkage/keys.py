"""The cleaning rules of `services.registry.cleaning` as DuckDB SQL: the same data, the same answers."""

from services.registry import cleaning


def macros() -> tuple[str, ...]:
    """Statements that give a connection `name_key(text)` and `street_key(text)`; both answer NULL for no key."""
    return (
        f"CREATE OR REPLACE TEMP MACRO name_key(x) AS nullif({_name_key()}, '')",
        f"CREATE OR REPLACE TEMP MACRO street_key(x) AS nullif({_street_key()}, '')",
    )


def text(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def _replace(inner: str, pattern: str, replacement: str) -> str:
    return f"regexp_replace({inner}, {text(pattern)}, {text(replacement)}, 'g')"


#: strlen counts bytes and length letters: where they agree all is ASCII, and there is nothing to fold
_ASCII = (
    "CASE WHEN strlen(x) = length(x) THEN regexp_replace(x, '[''`]', '', 'g') ELSE "
    + _replace(
        f"translate(x, {text(cleaning.ACCENTED + cleaning.INSIDE_WORDS)}, {text(cleaning.PLAIN)})",
        cleaning.NOT_ASCII,
        " ",
    )
    + " END"
)


def _name_key() -> str:
    """One search finds the few names that need more than capitals; only those go through the steps."""
    plain = _replace(f"upper({_ASCII})", cleaning.NAME_SIGNS, " ")
    plain = f"trim({_replace(_replace(plain, cleaning.DEGREE, ''), cleaning.SIGNS, ' ')}, ' ')"
    plain = _replace(_replace(plain, cleaning.TITLE, ""), cleaning.DEAD, "")
    old = "w"
    for before, after in cleaning.OLD_SPELLING:
        old = f"replace({old}, {text(before)}, {text(after)})"
    words = f"string_split({plain}, ' ')"
    words = (
        f"list_transform({words}, lambda w: CASE WHEN regexp_matches(w, {text(cleaning.OLD)}) THEN {old} ELSE w END)"
    )
    words = f"list_transform({words}, lambda w: {_one_of(cleaning.NAME_WORDS)})"
    full = f"array_to_string({words}, ' ')"
    for short, word in cleaning.FIRST_WORDS.items():
        full = _replace(full, f"^{short} ", f"{word} ")
    touched = f"strlen(x) <> length(x) OR regexp_matches(upper(x), {text(cleaning.TOUCHED)})"
    return f"CASE WHEN {touched} THEN {full} ELSE upper(x) END"


def _street_key() -> str:
    plain = f"trim({_replace(f'upper({_ASCII})', cleaning.SIGNS, ' ')}, ' ')"
    for pattern, replacement in cleaning.STREET_STEPS:
        plain = _replace(plain, pattern, replacement)
    words = f"list_transform(string_split({plain}, ' '), lambda w: {_one_of(cleaning.STREET_WORDS)})"
    return f"array_to_string(list_filter({words}, lambda w: w <> ''), ' ')"


def _one_of(words: dict[str, str]) -> str:
    """`w`, or what it is short for."""
    cases = (
        f"WHEN w IN ({', '.join(text(short) for short in shorts.split())}) THEN {text(full)}"
        for full, shorts in words.items()
    )
    return f"CASE {' '.join(cases)} ELSE w END"
