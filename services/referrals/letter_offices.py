"""What offices write on their letters: entered by the operator, like the directory."""

from sqlalchemy.dialects.postgresql import insert

from services.referrals.letter_models import LetterOffice
from services.referrals.letter_requests import PutLetterOffice
from services.referrals.models import Agency
from services.referrals.turn import Answer
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused


@permit("letter.office")
async def put_letter_office(cmd: PutLetterOffice, actor: Actor, tx: Tx) -> Answer:
    """Enter it or bring it up to date; the same again changes nothing, letters that were made keep what they have.
    Refused: `no-such-agency`."""
    if await tx.session.get(Agency, cmd.agency) is None:
        raise Refused("no-such-agency", f"There is no agency {cmd.agency}: enter it first.")
    values = cmd.model_dump(mode="json")
    await tx.session.execute(insert(LetterOffice).values(**values, version=1).on_conflict_do_nothing())
    office = await tx.lock(LetterOffice, cmd.agency)
    differing = {name: value for name, value in values.items() if getattr(office, name) != value}
    for name, value in differing.items():
        setattr(office, name, value)
    office.version += bool(differing)
    return Answer(id=office.agency, version=office.version, state="active")
