"""What a wilayah code (PP.KK.CC.DDDD) tells by itself."""


def depth(area: str) -> int:
    """0 everything, 1 province, 2 kabupaten or kota, 3 kecamatan, 4 kelurahan or desa."""
    return 0 if area == "*" else len(area.split("."))


def enclosing(area: str) -> list[str]:
    """The area and all that it lies in; `` is everywhere: `31.74` lies in `31`."""
    parts = area.split(".")
    return ["", *(".".join(parts[:count]) for count in range(1, len(parts) + 1))]
