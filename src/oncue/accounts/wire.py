"""Between a connector's Call and the network: address, credentials, sessions, verdict."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from oncue.accounts import service as accounts
from oncue.accounts.scrubbing import said_in, scrubbed
from oncue.accounts.vault import Vault
from oncue.connectors.base import (
    Account,
    Call,
    Connector,
    Exchange,
    Identity,
    Refusal,
    Refused,
    Reply,
    Secrets,
    Session,
    SignsIn,
    Unclear,
    Unreadable,
)
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.spec import Media
from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.lib.http import Answer, HttpClient, NeverAnswered, NeverSent, Part, Request
from oncue.settings import Settings

KEPT_HEADERS: Final = ("retry-after", "location", "date", "etag", "x-restli-id", "link")
RATE_HEADERS: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")
MARGIN: Final = timedelta(minutes=2)  # renew a session this long before its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How this installation reaches the networks. One for the whole process."""

    http: HttpClient
    settings: Settings
    db: Database
    vault: Vault
    now: Clock
    media_file: Callable[[str], Path]

    async def identify(
        self, connector: Connector, secrets: Secrets, server: str
    ) -> tuple[Identity, Secrets]:
        """Whose credentials these are, and the secrets earned in asking. Raises Refused."""
        base = self.base_url(connector, server)
        held = dict(secrets)
        if isinstance(connector, SignsIn):
            earned = await self.sign_in(connector, connector.sign_in(held), base)
            held |= earned.secrets
        account = Account(native_id="", server=server)
        identity = await drive(
            connector.identify(account),
            lambda call: self.send(connector, call, held, base),
            asyncio.sleep,
        )
        return identity, held

    def base_url(self, connector: Connector, server: str) -> str:
        own = server or connector.spec.base_url or connector.spec.default_server
        return self.settings.base_url(connector.spec.platform, own).rstrip("/")

    async def send(self, connector: Connector, call: Call, secrets: Secrets, base: str) -> Reply:
        """Send one call; raises Refused, Unclear, NotSent or NoAnswer."""
        signed = connector.sign(call, secrets)
        reply = await self._exchange(
            Request(
                method=signed.method,
                url=_join(base, signed.path),
                query=signed.query,
                headers=_headers(signed),
                json=signed.json,
                form=signed.form,
                parts=tuple(self._part(name, media) for name, media in signed.files.items()),
                body=self.media_file(signed.body.id) if signed.body else None,
                is_decisive=call.effect.is_public,
            )
        )
        reply = scrubbed(reply, secrets)
        connector.judge(reply)
        return reply

    async def sign_in(
        self, connector: Connector, steps: Generator[Exchange, Reply, Session], base: str
    ) -> Session:
        """Earn a session. Nothing of it is recorded but the secrets, sealed."""
        try:
            exchange = next(steps)
            while True:
                try:
                    reply = await self._exchange(
                        Request(
                            method=exchange.method,
                            url=_join(base, exchange.path),
                            headers=exchange.headers,
                            json=exchange.json,
                            form=exchange.form,
                        )
                    )
                    if reply.status >= 400:
                        reply = scrubbed(reply, said_in(exchange))
                    connector.judge(reply)
                except Refused as refused:
                    exchange = steps.throw(refused)
                else:
                    exchange = steps.send(reply)
        except StopIteration as finished:
            session: Session = finished.value
            return session
        except Unreadable as garbled:
            raise Refused(str(garbled), Refusal.TRY_LATER) from garbled

    async def _exchange(self, request: Request) -> Reply:
        try:
            return _reply(await self.http.send(request))
        except NeverSent as error:
            raise NotSent(str(error)) from error
        except NeverAnswered as error:
            raise NoAnswer(str(error)) from error

    def _part(self, name: str, media: Media) -> Part:
        return Part(
            name=name, file=self.media_file(media.id), filename=media.filename, type=media.type
        )


class Line:
    """Calls of one account, each with credentials that are good at the time."""

    def __init__(
        self, wire: Wire, connector: Connector, account_id: UUID, workspace_id: UUID, server: str
    ) -> None:
        self._wire = wire
        self._connector = connector
        self._account_id = account_id
        self._workspace_id = workspace_id
        self._base = wire.base_url(connector, server)
        self._secrets: Secrets | None = None
        self._renewing = asyncio.Lock()

    async def send(self, call: Call) -> Reply:
        """Send `call`; an expired session is renewed once, for nothing was accepted."""
        secrets = await self._current()
        try:
            return await self._wire.send(self._connector, call, secrets, self._base)
        except Refused as refused:
            if refused.meaning is not Refusal.EXPIRED:
                raise
            if not isinstance(self._connector, SignsIn):
                raise Refused(str(refused), Refusal.RECONNECT, code=refused.code) from refused
        renewed = await self._renew(secrets)
        return await self._wire.send(self._connector, call, renewed, self._base)

    async def _current(self) -> Secrets:
        if self._secrets is None:
            found = await self._load()
            if found is None:
                raise Refused("The account has to be connected again", Refusal.RECONNECT)
            secrets, expires_at = found
            fresh = expires_at is not None and expires_at - MARGIN > self._wire.now()
            if isinstance(self._connector, SignsIn) and not fresh:
                return await self._renew(secrets)
            self._secrets = secrets
        return self._secrets

    async def _renew(self, stale: Secrets) -> Secrets:
        """A new session, stored before it is used; one renewal at a time."""
        async with self._renewing:
            if self._secrets is not None and self._secrets != stale:
                return self._secrets
            connector = self._connector
            if not isinstance(connector, SignsIn):
                raise TypeError("only a network with sessions renews them")
            try:
                earned = await self._wire.sign_in(connector, connector.sign_in(stale), self._base)
            except (NotSent, NoAnswer, Unclear) as error:
                raise Refused(str(error), Refusal.TRY_LATER) from error
            secrets = {**stale, **earned.secrets}
            now = self._wire.now()
            await self._wire.db.write(
                lambda session: accounts.store_secrets(
                    session,
                    self._wire.vault,
                    self._workspace_id,
                    self._account_id,
                    secrets,
                    now + earned.expires_in,
                    now,
                )
            )
            self._secrets = secrets
            return secrets

    async def _load(self) -> tuple[Secrets, datetime | None] | None:
        return await self._wire.db.read(
            lambda session: accounts.load_secrets(
                session, self._wire.vault, self._workspace_id, self._account_id
            )
        )


def _headers(call: Call) -> Mapping[str, str]:
    if call.body is not None and "content-type" not in call.headers:
        return {**call.headers, "content-type": call.body.type}
    return call.headers


def _join(base: str, path: str) -> str:
    return base + path if path.startswith("/") else path


def _reply(answer: Answer) -> Reply:
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name in KEPT_HEADERS or name.startswith(RATE_HEADERS)
    }
    return Reply(answer.status, answer.body, kept)
