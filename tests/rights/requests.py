"""Requests of rights.asks: where they name things, and sending them with others instead."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx

from rights.asks import Ask
from rights.fields import inside
from rights.scene import file


def things_in(ask: Ask) -> Mapping[str, str]:
    """The name of the thing at every place of a request that names one, path first."""
    parts = ((ask.path, "path:"), (ask.query, "query:"), (ask.json, "body:"))
    return {place: name for part, at in parts for place, name in _named(part, at)}


def _named(part: Any, at: str) -> Iterator[tuple[str, str]]:
    match part:
        case str() if part.startswith("@"):
            yield at, part[1:]
        case dict():
            for name, value in part.items():
                yield from _named(value, inside(at, name))
        case list():
            for value in part:
                yield from _named(value, f"{at}[]")
        case _:
            pass


def with_things(part: Any, things: Mapping[str, Any], at: str) -> Any:
    """A part of a request with what `things` has for each place."""
    match part:
        case str() if part.startswith("@"):
            return things[at]
        case dict():
            return {
                name: with_things(value, things, inside(at, name)) for name, value in part.items()
            }
        case list():
            return [with_things(value, things, f"{at}[]") for value in part]
        case _:
            return part


def without(ask: Ask, place: str) -> Ask:
    """The request, but that the field at this place is left out."""
    query = _without(ask.query, place, "query:")
    return replace(ask, query=query, json=_without(ask.json, place, "body:"))


def _without(part: Any, place: str, at: str) -> Any:
    match part:
        case dict():
            fields = {name: (inside(at, name), value) for name, value in part.items()}
            return {
                name: _without(value, place, there)
                for name, (there, value) in fields.items()
                if there not in (place, place.removesuffix("[]"))
            }
        case list():
            return [_without(value, place, f"{at}[]") for value in part]
        case _:
            return part


async def send(
    api: httpx.AsyncClient,
    operation: str,
    ask: Ask,
    things: Mapping[str, Any],
    headers: Mapping[str, str],
) -> httpx.Response:
    """Send a request that names these things at its places."""
    method, template = operation.split()
    path = template.format(**with_things(ask.path, things, "path:"))
    query = urlencode(with_things(ask.query, things, "query:"))
    return await api.request(
        method,
        f"{path}?{query}" if query else path,
        json=with_things(ask.json, things, "body:"),
        files=file(*ask.file) if ask.file else None,
        headers=headers,
    )
