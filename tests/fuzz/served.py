"""An installation's application, for a caller on a thread and a loop of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any, Final, TypeAlias

from installation import Installation

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

ASKED_A_MINUTE: Final = 100  # what anybody may ask, without a key too
SOON: Final = timedelta(minutes=10)  # after what a publication may wait for
GLANCE: Final = 0.01  # seconds between two looks at what a request waits for


class Served:
    """The application; between requests its clock goes on, and its worker publishes what is due.

    So nobody asks too often, and posts get on. Webhooks are told of nothing: that costs more than
    all the requests. Only a request that waits for its post to be
    published has the worker at its side. It is made on the installation's loop.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._home = asyncio.get_running_loop()
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "there is nothing to start or to stop"
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answering = asyncio.run_coroutine_threadsafe(self._answer(scope, body), self._home)
        for message in await asyncio.wrap_future(answering):
            await send(message)

    async def _answer(self, scope: Scope, body: bytes) -> list[Message]:
        asked, answer = [{"type": "http.request", "body": body, "more_body": False}], []

        async def receive() -> Message:
            if not asked:
                await asyncio.Event().wait()  # the caller stays
            return asked.pop()

        async def send(message: Message) -> None:
            answer.append(message)

        await self._go_on()
        is_waiting = b"sync" in scope["query_string"]
        async with working(self._installation) if is_waiting else nullcontext():
            await self._installation.app(scope, receive, send)
        return answer

    async def _go_on(self) -> None:
        self._count += 1
        if self._count % ASKED_A_MINUTE == 0:
            self._installation.clock.advance(minutes=1)
            await self._installation.run_due()


@asynccontextmanager
async def working(installation: Installation) -> AsyncIterator[None]:
    """The worker publishes what is due soon for as long as the block lasts."""
    is_over = False

    async def work() -> None:
        while not is_over:
            await asyncio.sleep(GLANCE)
            await installation.run_due()
            due = await installation.worker.promote()
            if due is not None and due - installation.clock() < SOON:
                installation.clock.now = due

    worker = asyncio.create_task(work())
    try:
        yield
    finally:
        is_over = True
        await worker
