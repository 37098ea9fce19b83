"""An outbound client with something happening around the requests that make things public."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from installation import Installation
from oncue.lib.http import Answer, HttpClient, Request
from oncue.publishing.publisher import Publisher


async def nothing() -> None:
    """What happens mostly."""


class Around(HttpClient):
    """Another client, and what happens before and after it sends a decisive request."""

    def __init__(
        self,
        client: HttpClient,
        *,
        before: Callable[[], Awaitable[None]] = nothing,
        after: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self._client, self._before, self._after = client, before, after
        self.decisive = 0

    async def send(self, request: Request) -> Answer:
        if not request.is_decisive:
            return await self._client.send(request)
        self.decisive += 1
        await self._before()
        answer = await self._client.send(request)
        await self._after()
        return answer


def surrounded(
    oncue: Installation,
    *,
    before: Callable[[], Awaitable[None]] = nothing,
    after: Callable[[], Awaitable[None]] = nothing,
) -> tuple[Publisher, Around]:
    """The installation's publisher, on such a client."""
    around = Around(oncue.publisher.wire.http, before=before, after=after)
    wire = replace(oncue.publisher.wire, http=around)
    return replace(oncue.publisher, wire=wire), around
