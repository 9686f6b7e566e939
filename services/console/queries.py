"""What can be asked of the console: who am I."""

from pydantic import BaseModel

from services.console.models import User
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class Account(BaseModel):
    """The signed-in user, as the pages show it."""

    name: str
    role: str
    agency: str
    area: str


@permit("console.use")
async def read_account(sub: str, actor: Actor, tx: Tx) -> Account:
    """The actor's own account."""
    user = await tx.get(User, actor.id)
    return Account.model_validate(user, from_attributes=True)
