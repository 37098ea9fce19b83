"""Between a connector's Call and the network: address, credentials, proofs, verdict."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from oncue.accounts.places import Clients, Place, place_of
from oncue.accounts.proofs import Bound, Nonces, send_proved
from oncue.accounts.scrubbing import said_in, scrubbed
from oncue.accounts.signing import Key
from oncue.accounts.vault import Vault
from oncue.connectors.answers import Reply
from oncue.connectors.base import BINDING_KEY, Account, Call, Connector, Exchange, Identity, Secrets
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.spec import ADDRESS, Media
from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import Answer, HttpClient, NeverAnswered, NeverSent, Part, Request
from oncue.settings import Settings

KEPT_HEADERS: Final = ("retry-after", "location", "date", "etag", "x-restli-id", "link")
RATE_HEADERS: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How this installation reaches the networks. One for the whole process.

    `guarded` calls the servers that users name, `http` all others. `chance` is a number from 0
    to 1, another one each time.
    """

    http: HttpClient
    guarded: GuardedHttp
    settings: Settings
    db: Database
    vault: Vault
    now: Clock
    chance: Callable[[], float]
    media_file: Callable[[Media], Awaitable[Path]]
    media_address: Callable[[str], str]  # a public one for what stands in a Call for it
    nonces: Nonces = field(default_factory=Nonces)

    def place(self, connector: Connector, server: str) -> Place:
        """Where the accounts that live on `server` are reached."""
        return place_of(self.settings, connector.spec, server)

    async def identify(
        self, connector: Connector, secrets: Secrets, server: str, place: Place
    ) -> Identity:
        """Whose credentials these are. Raises Refused, Unclear, NotSent or NoAnswer."""
        return await drive(
            connector.identify(Account(native_id="", server=server)),
            lambda call: self.send(connector, call, secrets, place),
            asyncio.sleep,
        )

    async def send(self, connector: Connector, call: Call, secrets: Secrets, place: Place) -> Reply:
        """Send one call; raises Refused, Unclear, NotSent or NoAnswer."""
        signed = connector.sign(call, secrets)
        request = Request(
            method=signed.method,
            url=place.at(signed.path),
            query=self._addressed(signed.query),
            headers=_headers(signed),
            json=self._addressed(signed.json),
            form=self._addressed(signed.form),
            parts=tuple([await self._part(name, media) for name, media in signed.files.items()]),
            body=await self.media_file(signed.body) if signed.body else None,
            is_decisive=call.effect.is_public,
        )
        bound = None
        if key := secrets.get(BINDING_KEY):
            bound = Bound(key=Key(key), token=secrets["accessToken"])
        reply = scrubbed(await self._answer(request, place, bound), secrets)
        connector.judge(reply)
        return reply

    async def exchange(self, exchange: Exchange, place: Place, key: str = "") -> Reply:
        """Send what carries or earns secrets, with a proof that we have `key`, if there is one.

        Nobody judges the answer yet. Raises NotSent or NoAnswer.
        """
        request = Request(
            method=exchange.method,
            url=place.at(exchange.path),
            headers=exchange.headers,
            json=exchange.json,
            form=exchange.form,
        )
        reply = await self._answer(request, place, Bound(key=Key(key)) if key else None)
        return scrubbed(reply, said_in(exchange)) if reply.status >= 400 else reply

    async def _answer(self, request: Request, place: Place, bound: Bound | None) -> Reply:
        client = Clients(http=self.http, guarded=self.guarded).to(request.url, place)
        try:
            if bound is None:
                return _reply(await client.send(request))
            return _reply(
                await send_proved(request, bound, client.send, nonces=self.nonces, now=self.now)
            )
        except NeverSent as error:
            raise NotSent(str(error)) from error
        except NeverAnswered as error:
            raise NoAnswer(str(error)) from error

    def _addressed(self, part: Any) -> Any:
        """A part of a request with an address wherever a file is to be fetched from one."""
        match part:
            case str() if part.startswith(ADDRESS):
                return self.media_address(part.removeprefix(ADDRESS))
            case Mapping():
                return {name: self._addressed(value) for name, value in part.items()}
            case list():
                return [self._addressed(value) for value in part]
            case _:
                return part

    async def _part(self, name: str, media: Media) -> Part:
        file = await self.media_file(media)
        return Part(name=name, file=file, filename=media.filename, type=media.type)


def _headers(call: Call) -> Mapping[str, str]:
    if call.body is not None and "content-type" not in call.headers:
        return {**call.headers, "content-type": call.body.type}
    return call.headers


def _reply(answer: Answer) -> Reply:
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name in KEPT_HEADERS or name.startswith(RATE_HEADERS)
    }
    return Reply(answer.status, answer.body, kept)
