"""A bare ASGI application under Granian: parse the body, write the rows, answer the id.

Run as `python -m bench.bare_server PORT DATABASE`, where DATABASE is a file of
SQLite's or a URL of PostgreSQL's.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from bench.bare_inserts import BarePostgres, BareSqlite
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

Message: TypeAlias = Mapping[str, Any]


async def main(port: int, database: str) -> None:
    is_url = database.startswith("postgresql:")
    db = await BarePostgres.open(database) if is_url else BareSqlite(Path(database))

    async def app(
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        asked = json.loads(body)
        account_ids = [UUID(each) for each in asked["accountIds"]]
        post_id = await db.create(account_ids, asked["content"])
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        answer = json.dumps({"id": str(post_id)}).encode()
        await send({"type": "http.response.body", "body": answer})

    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
    )
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
