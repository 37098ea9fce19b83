"""The outbound client's twin for servers that users name: the same requests, but guarded."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import aiohttp

from oncue.lib import fence
from oncue.lib.addresses import NotAllowed, Target
from oncue.lib.http import (
    NOT_SENT,
    TOTAL_SECONDS,
    UPLOAD_SECONDS,
    Answer,
    NeverAnswered,
    NeverSent,
    Request,
    payload,
    read_answer,
    what_happened,
)
from oncue.lib.outbound import LOOKUP_SECONDS, GuardedClient, Unreachable

REFUSED: Final = "its address may not be called"


class GuardedHttp:
    """Requests to servers that users name. Each is judged anew and has a connection of its own.

    Only https is spoken, save with what the operator has opened (ONCUE_OUTBOUND_ALLOW).
    """

    def __init__(self, guarded: GuardedClient, *, timeout: float = TOTAL_SECONDS) -> None:
        self._guarded = guarded
        self._timeout = timeout

    async def check(self, url: str) -> None:
        """Judge a server's address when it is named; raises NotAllowed."""
        await self._guarded.check(url, https_only=True)

    async def send(self, request: Request) -> Answer:
        """The answer; raises NeverSent or NeverAnswered."""
        target = self._target(request)
        addresses = await self._look_up(target)
        open_files: list[Any] = []
        uploads = bool(request.parts or request.body)
        try:
            call = fence.Request(
                method=request.method,
                target=target,
                headers=request.headers,
                data=payload(request, open_files.append),
                json=request.json,
                decodes=True,
            )
            async with (
                asyncio.timeout(UPLOAD_SECONDS if uploads else self._timeout),
                self._guarded.call(call, addresses) as response,
            ):
                return await read_answer(response)
        except NotAllowed as refused:
            raise NeverSent(f"{REFUSED}: {refused}") from refused
        except NOT_SENT as error:
            raise NeverSent(what_happened(error)) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError, Unreachable) as error:
            raise NeverAnswered(what_happened(error)) from error
        finally:
            for file in open_files:
                file.close()

    def _target(self, request: Request) -> Target:
        try:
            target = self._guarded.target(request.url, https_only=True)
        except NotAllowed as refused:
            raise NeverSent(f"{REFUSED}: {refused}") from refused
        if not request.query:
            return target
        return replace(target, url=target.url.extend_query(dict(request.query)))

    async def _look_up(self, target: Target) -> Sequence[str]:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await self._guarded.look_up(target)
        except NotAllowed as refused:
            raise NeverSent(f"{REFUSED}: {refused}") from refused
        except (Unreachable, TimeoutError) as error:
            raise NeverSent(str(error) or what_happened(error)) from error
