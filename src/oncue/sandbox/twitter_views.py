"""How X shows things: its ids, its count of a text, its shortened links, its fields."""

import hashlib
import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import regex
from aiohttp import web

from oncue.sandbox.faults import Kind
from oncue.sandbox.ledger import Entry

FAILED, FOREVER = Kind.PROCESSING_FAILED.value, Kind.PROCESSING_FOREVER.value
PROCESSING: Final[Mapping[str, Mapping[str, Any]]] = {
    "pending": {"state": "pending", "check_after_secs": 1},
    "succeeded": {"state": "succeeded", "progress_percent": 100},
    FAILED: {"state": "failed", "progress_percent": 50},
    FOREVER: {"state": "in_progress", "check_after_secs": 1, "progress_percent": 50},
}
LINK: Final = regex.compile(
    r"(?<![\w@.])(?:https?://[^\s<>\"]+|(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|app|co)\b[^\s<>\"]*)"
    r"(?<![.,:;!?'\")])",
    regex.IGNORECASE,
)
EMOJI: Final = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3\ufe0f]")
LIGHT: Final = regex.compile(r"[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")


def user_id(username: str) -> str:
    return str(int.from_bytes(hashlib.sha256(username.encode()).digest()[:7]) + 1)


def weight(text: str) -> int:
    """What X counts, nearly: its link detection knows more, its emoji differ from graphemes."""
    plain = LINK.sub("x" * 23, unicodedata.normalize("NFC", text))
    return sum(
        2 if EMOJI.search(each) else sum(1 if LIGHT.match(char) else 2 for char in each)
        for each in regex.findall(r"\X", plain)
    )


def uploaded(entry: Entry, *, first: bool) -> dict[str, Any]:
    """How X describes a file: what takes time is pending when it has just come in."""
    facts = entry.media[0]
    data = {"id": entry.id, "media_key": media_key(facts), "size": facts["bytes"]}
    if state := facts.get("processing"):
        data["processing_info"] = PROCESSING["pending" if first else state]
    return data


def media_key(facts: Mapping[str, Any]) -> str:
    return f"{16 if facts['type'] == 'image/gif' else 3}_{facts['id']}"


def shown(entry: Entry) -> dict[str, Any]:
    """A post with all its fields: links shortened, markup escaped, a link for the media."""
    written, text, urls = entry.text or "", "", list[dict[str, Any]]()
    position = 0
    for match in LINK.finditer(written):
        text += escape(written[position : match.start()], quote=False)
        full = match[0] if "://" in match[0] else f"http://{match[0]}"
        text += shorten(full, entry.id, len(text), urls)
        position = match.end()
    text += escape(written[position:], quote=False)
    if entry.media:
        text += " " if text else ""
        page = f"https://x.com/{entry.account}/status/{entry.id}/photo/1"
        text += shorten(page, entry.id, len(text), urls, media_key=media_key(entry.media[0]))
    tweet: dict[str, Any] = {
        "id": entry.id,
        "text": text,
        "edit_history_post_ids": [entry.id],
        "author_id": user_id(entry.account),
        "created_at": entry.at,
    }
    if urls:
        tweet["entities"] = {"urls": urls}
    if entry.media:
        tweet["attachments"] = {"media_keys": [media_key(file) for file in entry.media]}
    if entry.parent:
        tweet["referenced_tweets"] = [{"type": "replied_to", "id": entry.parent}]
    return tweet


def shorten(link: str, tweet_id: str, start: int, urls: list[dict[str, Any]], **more: str) -> str:
    """The t.co link for `link`, noted among the post's `urls`."""
    short = "https://t.co/" + hashlib.sha256(f"{tweet_id} {link}".encode()).hexdigest()[:10]
    place = {"start": start, "end": start + len(short)}
    names = {"url": short, "expanded_url": link, "display_url": link.partition("://")[2]}
    urls.append({**place, **names, **more})
    return short


def chosen(tweet: Mapping[str, Any], request: web.Request) -> dict[str, Any]:
    """The fields X always shows, and those it was asked for."""
    asked_for = ",".join(request.query.get(name, "") for name in ("tweet.fields", "post.fields"))
    fields = {"id", "text", "edit_history_post_ids", *asked_for.split(",")}
    return {name: value for name, value in tweet.items() if name in fields}
