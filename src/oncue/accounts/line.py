"""One account's line to its network: every call goes with credentials that are good then."""

from uuid import UUID

from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.tokens import Owner, can_renew, is_stale, load, renew
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused, Reply
from oncue.connectors.base import Call, Connector


class Line:
    """Calls of one account, each with credentials that are good at the time."""

    def __init__(
        self, wire: Wire, connector: Connector, account_id: UUID, workspace_id: UUID, server: str
    ) -> None:
        self._wire = wire
        self._connector = connector
        self.owner = Owner(
            connector=connector, workspace_id=workspace_id, account_id=account_id, server=server
        )
        self._place = wire.place(connector, server)
        self._held: Held | Nothing | None = None

    @property
    def generation(self) -> int:
        """Of the credentials that were used last: if any are refused, these are."""
        return self._held.generation if self._held else 0

    async def send(self, call: Call) -> Reply:
        """Send `call`; a token that has ended is renewed once, for nothing was accepted."""
        held = await self._current()
        try:
            return await self._wire.send(self._connector, call, held.secrets, self._place)
        except Refused as refused:
            if refused.meaning is not Refusal.EXPIRED:
                raise
            if not can_renew(self._connector, held.secrets):
                raise Refused(str(refused), Refusal.RECONNECT, code=refused.code) from refused
        self._held = held = await renew(self._wire, self.owner, held.generation)
        return await self._wire.send(self._connector, call, held.secrets, self._place)

    async def renew(self) -> bool:
        """Renew the credentials though nothing asks for it; False where that cannot be done."""
        held = await self._loaded()
        if not can_renew(self._connector, held.secrets):
            return False
        self._held = await renew(self._wire, self.owner, held.generation)
        return True

    async def _current(self) -> Held:
        held, now = await self._loaded(), self._wire.now()
        if not is_stale(self._connector, held, now):
            return held
        try:
            self._held = renewed = await renew(self._wire, self.owner, held.generation)
        except Refused as refused:
            if not refused.is_transient or held.expires_at is None or held.expires_at <= now:
                raise
            return held  # good for a little longer
        return renewed

    async def _loaded(self) -> Held:
        if self._held is None:
            owner = self.owner
            self._held = await load(self._wire, owner.workspace_id, owner.account_id)
        if isinstance(self._held, Nothing):
            raise Refused("The account has to be connected again", Refusal.RECONNECT)
        return self._held
