"""Answers of networks without our credentials: an error or a debugging page may repeat them.

What a network says is recorded, shown and told to webhooks.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from oncue.connectors.answers import Reply
from oncue.connectors.base import Exchange, Secrets
from oncue.lib.logs import HIDDEN, is_secret_name

SHORTEST: Final = 8  # characters: a shorter value may stand in any text
# What OAuth's requests call their other secrets: RFC 6749, 7636 and 7523.
OF_OAUTH: Final = frozenset({"state", "code", "code_verifier", "client_assertion"})


def scrubbed(reply: Reply, secrets: Secrets) -> Reply:
    """The reply with every one of these secrets hidden, wherever it stands."""
    values = {
        form
        for name, value in secrets.items()
        if (is_secret_name(name) or name in OF_OAUTH) and len(value) >= SHORTEST
        for form in (value, quote(value, safe=""))  # the latter in an address
    }
    longest_first = sorted(values, key=len, reverse=True)  # one may be a part of another
    return replace(
        reply,
        body=_without(longest_first, reply.body),
        headers=_without(longest_first, dict(reply.headers)),
    )


def said_in(exchange: Exchange) -> Secrets:
    """The secrets that a request carries, by the names that it gives them."""
    said: dict[str, Any] = {**(exchange.json or {}), **(exchange.form or {}), **exchange.headers}
    return {
        name: value.partition(" ")[2] if name.lower() == "authorization" else value
        for name, value in said.items()
        if isinstance(value, str)
    }


def _without(secrets: Collection[str], value: Any) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, HIDDEN)
            return value
        case dict():
            return {
                _without(secrets, name): _without(secrets, part) for name, part in value.items()
            }
        case list():
            return [_without(secrets, part) for part in value]
        case _:
            return value
