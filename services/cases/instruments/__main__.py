"""Check instruments' files before a service is given them.

python -m services.cases.instruments FOLDER      exits with 1 and names the file and the rule when one is broken
python -m services.cases.instruments --schema    prints the JSON Schema of the files
"""

import json
import sys
from pathlib import Path

from services.cases.instruments.schema import file_schema
from services.cases.instruments.shelf import InstrumentBroken, Shelf


def main(arguments: list[str]) -> str:
    """What to print; `InstrumentBroken` when a file of the folder cannot be used."""
    if arguments == ["--schema"]:
        return json.dumps(file_schema(), indent=1)
    shelf = Shelf.load(Path(arguments[0]) if arguments else None)
    return "\n".join(f"{one.code}.v{one.version}: {len(one.items)} items" for one in shelf.fitting())


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except InstrumentBroken as wrong:
        sys.exit(str(wrong))
