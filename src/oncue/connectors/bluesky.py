"""Bluesky, on any server (PDS). A post is a record in the account's repository.

The record's key and time follow from the draft alone, and swapRecord: null asks for "only if
nothing else is there", so sending a post twice is harmless: the server answers with the very
record it has, or with InvalidSwap where a detail of it differs.
https://atproto.com/specs/record-key, checked against the lexicons and a PDS 0.4.217.
"""

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from oncue.connectors.answers import Refusal, Refused, Reply
from oncue.connectors.base import (
    Account,
    Call,
    Deletes,
    Effect,
    Exchange,
    Identity,
    Published,
    Secrets,
    Session,
    SignsIn,
    Steps,
)
from oncue.connectors.bluesky_oauth import BlueskyOAuth
from oncue.connectors.oauth import is_grant
from oncue.connectors.spec import Draft, Media, MediaRules, Problem, Spec, TextRule, text_problems
from oncue.connectors.text import Span, graphemes, hashtags, links, utf8_bytes

POST: Final = "app.bsky.feed.post"
FACET: Final = "app.bsky.richtext.facet"
BYTES: Final = TextRule(limit=3000, unit="bytes of UTF-8", measure=utf8_bytes)

TAG_GRAPHEMES: Final = 64
TAG_BYTES: Final = 640

# A server's access tokens live two hours.
ACCESS_LIVES: Final = timedelta(minutes=100)

MEANINGS: Final[Mapping[str | None, Refusal]] = {
    "ExpiredToken": Refusal.EXPIRED,  # with status 400
    "InvalidToken": Refusal.EXPIRED,  # likewise
    "AuthenticationRequired": Refusal.RECONNECT,  # a wrong or withdrawn app password
    "AuthFactorTokenRequired": Refusal.RECONNECT,  # the main password instead of an app password
    "AccountTakedown": Refusal.RECONNECT,
    "AccountDeactivated": Refusal.RECONNECT,
    "RateLimitExceeded": Refusal.RATE_LIMITED,
}

LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
MENTION: Final = re.compile(rf"(?<![\w@./-])@(?:{LABEL}\.)+(?=[a-zA-Z]){LABEL}(?!\w)")

TID_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Record: TypeAlias = Mapping[str, Any]
Image: TypeAlias = Mapping[str, Any]
Facet: TypeAlias = Mapping[str, Any]


class Bluesky(BlueskyOAuth, Deletes, SignsIn):
    spec = Spec(
        platform="BLUESKY",
        name="Bluesky",
        base_url="",
        own_server=True,
        default_server="https://bsky.social",
        text=TextRule(limit=300, unit="graphemes", measure=graphemes),
        media=MediaRules(
            at_most=4,
            image_types=frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
            image_bytes=2_000_000,  # a server with an older lexicon refuses more than 1,000,000
            video_bytes=300_000_000,  # for when videos are sent
        ),
        credentials=("identifier", "appPassword"),
        takes_nothing=True,
    )

    def check(self, draft: Draft) -> list[Problem]:
        in_bytes = replace(self.spec, text=BYTES)
        return super().check(draft) + text_problems(in_bytes, draft.text, "content")

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        record = yield from _record(draft)
        key = {
            "repo": account.native_id,
            "collection": POST,
            "rkey": tid(draft.begun_at, draft.key),
        }
        try:
            reply = yield Call(
                "POST",
                xrpc("com.atproto.repo.putRecord"),
                json={**key, "record": record, "swapRecord": None},
                effect=Effect.KEYED,
                name="post",
            )
        except Refused as refused:
            if refused.code != "InvalidSwap":
                raise
            reply = yield from _already_there(key, record, refused)
        return Published(
            id=reply.text("uri"),
            url=f"https://bsky.app/profile/{account.native_id}/post/{key['rkey']}",
        )

    def delete(self, post_id: str, account: Account) -> Steps[None]:
        """Remove the record; it is no error that there is none any more."""
        rkey = post_id.rpartition("/")[2]
        yield Call(
            "POST",
            xrpc("com.atproto.repo.deleteRecord"),
            json={"repo": account.native_id, "collection": POST, "rkey": rkey},
        )

    def identify(self, account: Account) -> Steps[Identity]:
        session = yield Call("GET", xrpc("com.atproto.server.getSession"))
        handle = session.text("handle")
        return Identity(
            native_id=session.text("did"), username=handle, display_name=handle, moves=True
        )

    def sign_in(self, secrets: Secrets) -> Generator[Exchange, Reply, Session]:
        if token := secrets.get("refreshJwt"):
            try:
                renewed = yield Exchange(
                    "POST",
                    xrpc("com.atproto.server.refreshSession"),
                    headers={"authorization": f"Bearer {token}"},
                )
                return _session(renewed)
            except Refused as refused:
                if refused.is_transient:
                    raise  # creating sessions is limited to 300 a day
        created = yield Exchange(
            "POST",
            xrpc("com.atproto.server.createSession"),
            json={
                "identifier": secrets["identifier"].removeprefix("@"),
                "password": secrets["appPassword"],
            },
        )
        return _session(created)

    def sign(self, call: Call, secrets: Secrets) -> Call:
        if is_grant(secrets):
            return super().sign(call, secrets)
        bearer = {"authorization": f"Bearer {secrets['accessJwt']}"}
        return replace(call, headers={**call.headers, **bearer})

    def meaning(self, reply: Reply) -> Refusal | None:
        return MEANINGS.get(self.code(reply)) or super().meaning(reply)

    def words(self, reply: Reply) -> str:
        return _said(reply, "message") or self.code(reply) or super().words(reply)

    def code(self, reply: Reply) -> str | None:
        return _said(reply, "error")


def xrpc(nsid: str) -> str:
    """The path of a method, by its namespaced id."""
    return f"/xrpc/{nsid}"


def tid(moment: datetime, key: str) -> str:
    """A record key in the form posts must have: 53 bits of time, then 10 that tell clocks apart.

    Our moments are whole milliseconds. What is finer, and those 10 bits, comes from `key`: of two
    posts begun in the same millisecond one in a million would have the other's record key.
    https://atproto.com/specs/tid
    """
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1)
    clock, microseconds = divmod(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]), 1_000)
    number = (milliseconds * 1_000 + microseconds) << 10 | clock & 0x3FF
    return "".join(TID_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


def _record(draft: Draft) -> Steps[Record]:
    """The post as it will stand in the repository."""
    record: dict[str, Any] = {
        "$type": POST,
        "text": draft.text,
        "createdAt": draft.begun_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if facets := (yield from _facets(draft.text)):
        record["facets"] = facets
    images: list[Image] = []
    for item in draft.media:
        images += [(yield from _image(item))]
    if images:
        record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
    return record


def _image(item: Media) -> Steps[Image]:
    uploaded = yield Call(
        "POST",
        xrpc("com.atproto.repo.uploadBlob"),
        body=item,
        headers={"content-type": item.type},
    )
    image = {"image": uploaded.at("blob"), "alt": item.alt}
    if item.width and item.height:
        image["aspectRatio"] = {"width": item.width, "height": item.height}
    return image


def _already_there(key: Mapping[str, str], record: Record, refused: Refused) -> Steps[Reply]:
    """The record under our key, if it is the one we sent before.

    Facets and blobs may differ by then: a handle resolves that did not. What tells a post
    is its text and its moment. While the server refuses to show the record the question
    stays open: that refusal goes on, and the runner asks again with the journal it has.
    """
    try:
        found = yield Call("GET", xrpc("com.atproto.repo.getRecord"), query=key)
    except Refused as unread:
        if unread.code == "RecordNotFound":
            raise refused from None
        raise
    if any(found.at("value", field) != record[field] for field in ("text", "createdAt")):
        raise refused
    return found


def _facets(text: str) -> Steps[list[Facet]]:
    """What is a link in `text`: addresses, hashtags, and mentions of accounts that exist."""
    addresses = links(text)
    found = [(span, {"$type": f"{FACET}#link", "uri": span.text}) for span in addresses]
    for span in _outside(addresses, hashtags(text)):
        tag = span.text[1:]
        if graphemes(tag) <= TAG_GRAPHEMES and utf8_bytes(tag) <= TAG_BYTES:
            found.append((span, {"$type": f"{FACET}#tag", "tag": tag}))
    dids: dict[str, str | None] = {}
    for span in _outside(addresses, mentions(text)):
        handle = span.text[1:].lower()
        if handle not in dids:
            dids[handle] = yield from _resolve(handle)
        if did := dids[handle]:
            found.append((span, {"$type": f"{FACET}#mention", "did": did}))
    found.sort(key=lambda each: each[0].start)
    return [{"index": _slice(span, text), "features": [feature]} for span, feature in found]


def _slice(span: Span, text: str) -> Mapping[str, int]:
    """Where `span` is, in bytes of UTF-8."""
    start = utf8_bytes(text[: span.start])
    return {"byteStart": start, "byteEnd": start + utf8_bytes(span.text)}


def _resolve(handle: str) -> Steps[str | None]:
    """The permanent id behind a handle; None where nobody has it."""
    try:
        resolved = yield Call(
            "GET", xrpc("com.atproto.identity.resolveHandle"), query={"handle": handle}
        )
    except Refused as refused:
        if refused.meaning is not Refusal.REJECTED:
            raise  # it says nothing about the handle
        return None
    return resolved.text("did")


def mentions(text: str) -> list[Span]:
    """Every @handle in `text`, its sign included."""
    return [Span(match.start(), match.end(), match.group()) for match in MENTION.finditer(text)]


def _outside(taken: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """The spans that have nothing in common with those taken."""
    return [
        span
        for span in spans
        if not any(span.start < other.end and other.start < span.end for other in taken)
    ]


def _session(reply: Reply) -> Session:
    earned = {name: reply.text(name) for name in ("accessJwt", "refreshJwt")}
    return Session(secrets=earned, expires_in=ACCESS_LIVES)


def _said(reply: Reply, field: str) -> str | None:
    """What an error body says under `field`, cut to what a person will read."""
    value = reply.body.get(field) if isinstance(reply.body, Mapping) else None
    return value[:500] if isinstance(value, str) and value else None
