"""Every network at once, and next to no work: reads a request, says yes.

Run as `python -m bench.fake_network PORT`. The simulated networks of `oncue sandbox` check and
remember what they are sent, which is worth having and would be measured along with us.
"""

import asyncio
import json
import sys
from itertools import count
from typing import Any, Final

NUMBERS: Final = count(1)
TELEGRAM_CHAT: Final = {"id": -1001, "type": "channel", "username": "bench"}


class FakeNetwork(asyncio.Protocol):
    """One connection. Requests come one after the other, as every client of ours sends them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, ended, body = self._read.partition(b"\r\n\r\n")
        if not ended or len(body) < _length(head):
            return
        self._read = b""
        first, _, _ = head.partition(b"\r\n")
        answer = json.dumps(_answer(first.split(b" ")[1].decode())).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(answer), answer)
        )


def _length(head: bytes) -> int:
    _, named, value = head.lower().partition(b"\r\ncontent-length:")
    return int(value.partition(b"\r\n")[0]) if named else 0


def _answer(path: str) -> Any:
    number = str(next(NUMBERS))
    match path.split("/")[1:]:
        case ["twitter", *_]:
            return {"data": {"id": number, "text": "as asked"}}
        case ["mastodon", *_]:
            return {"id": number, "url": f"https://mastodon.test/@bench/{number}"}
        case ["telegram", *_]:
            return {"ok": True, "result": {"message_id": int(number), "chat": TELEGRAM_CHAT}}
        case ["bluesky", "xrpc", "com.atproto.repo.putRecord"]:
            return {"uri": f"at://did:plc:bench/app.bsky.feed.post/{number}", "cid": "bafy"}
        case ["bluesky", *_]:
            return {"accessJwt": number, "refreshJwt": number}
        case _:
            return {}


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(FakeNetwork, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
