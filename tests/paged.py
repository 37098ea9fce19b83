"""A network where an account chooses which page it speaks for, told to by the test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from sqlalchemy.orm import Session

from installation import Installation
from oncue.accounts import service as accounts
from oncue.accounts.models import Account as Row
from oncue.accounts.service import NewAccount
from oncue.connectors.answers import Refused
from oncue.connectors.base import Account, Call, Identity, Steps
from oncue.connectors.oauth import HasPages, Page
from oncue.connectors.planned import PLANNED
from oncue.connectors.spec import Spec
from scripted_networks import Mute

PLATFORM: Final = "FACEBOOK"
PAGES: Final = (
    Page(id="p1", name="Our shop", secrets={"pageToken": "one"}),
    Page(id="p2", name="Our café", username="cafe", secrets={"pageToken": "two"}),
)


@dataclass
class Paged(Mute, HasPages):
    """Says what the test has it say, without anybody being asked."""

    spec: ClassVar[Spec] = PLANNED[PLATFORM]
    shown: Sequence[Page] = PAGES
    refuses: Refused | None = None
    asked: list[str] = field(default_factory=list)

    def pages(self, account: Account) -> Steps[Sequence[Page]]:
        self.asked.append(account.native_id)
        yield from ()
        if self.refuses is not None:
            raise self.refuses
        return self.shown

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/me")
        return Identity(native_id=me.text("id"), username="maria", display_name="Maria")


async def connect(oncue: Installation, name: str = "maria", **secrets: Any) -> Row:
    """An account that has not chosen yet."""
    new = NewAccount(platform=PLATFORM, credentials={"accessToken": "user", **secrets})
    identity = Identity(native_id=name, username=name, display_name=name.title())
    vault = oncue.services.vault

    def work(session: Session) -> Row:
        return accounts.connect(session, vault, oncue.workspace_id, new, identity, oncue.clock())

    return await oncue.db.write(work)
