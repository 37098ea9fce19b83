"""How a simulated network gets a document that a caller names: quickly, small, or not at all."""

from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

MOST: Final = 64 * 1024  # bytes
PATIENCE: Final = ClientTimeout(total=5)
AS_JSON: Final = {"Accept": "application/json"}


async def fetch(url: str) -> bytes:
    """What is at `url`; raises OSError where that is nothing, too much or elsewhere."""
    content = b""
    try:
        async with (
            ClientSession(timeout=PATIENCE, headers=AS_JSON) as http,
            http.get(url, allow_redirects=False) as answer,
        ):
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MOST:
                    raise OSError(f"{url} has more than {MOST} bytes")
    except (ClientError, TimeoutError, ValueError) as failed:
        raise OSError(f"{url}: {failed}") from failed
    if answer.status != 200:
        raise OSError(f"{url} answered {answer.status}")
    return content
