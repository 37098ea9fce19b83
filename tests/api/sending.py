"""How tests send what no client should."""

import json

import httpx2 as httpx

from installation import Installation


async def send(
    installation: Installation, content: bytes, path: str = "/v1/posts", method: str = "POST"
) -> httpx.Response:
    """A body byte for byte, called JSON."""
    headers = {"content-type": "application/json"}
    return await installation.api.request(method, path, content=content, headers=headers)


async def create(installation: Installation, **fields: object) -> httpx.Response:
    """A new post with these fields, whatever they are."""
    body = {"content": "Hello", "accountIds": [installation.account("TWITTER")]} | fields
    return await send(installation, json.dumps(body).encode())
