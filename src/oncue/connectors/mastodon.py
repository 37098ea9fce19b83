"""Mastodon, any server.

A server remembers an Idempotency-Key for an hour. After that a status whose creation was
never answered is looked for among the account's own.
https://docs.joinmastodon.org/methods/statuses/
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, ClassVar, Final

from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import (
    Account,
    Call,
    Deletes,
    Effect,
    Finds,
    Found,
    Identity,
    Published,
    Steps,
    Wait,
)
from oncue.connectors.frame import Frame
from oncue.connectors.mastodon_oauth import MastodonOAuth
from oncue.connectors.spec import (
    MB,
    Draft,
    Media,
    MediaRules,
    Problem,
    Spec,
    TextRule,
    text_problems,
)
from oncue.connectors.text import graphemes, links

LINK_STAND_IN: Final = "x" * 23  # what a link counts, however long it is
REMOTE_MENTION: Final = re.compile(
    r"(?<![=/\w])(@[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)@\w+(?:[.-]+\w+)*", re.IGNORECASE
)
KEY_LIVES: Final = timedelta(hours=1)
POLL_AFTER: Final = (2, 2, 4, 8, 15, 30)  # seconds; a minute for what a server transcodes
PAGE: Final = 40  # the most statuses a server lists at once
PAGES: Final = 25
WORDS: Final = 300  # of a server's explanation; a stranger may have written it
OPTIONS: Final[Mapping[str, str]] = {
    "mastodonVisibility": "visibility",
    "mastodonSpoilerText": "spoiler_text",
    "mastodonSensitive": "sensitive",
    "mastodonLanguage": "language",
}


def countable(text: str) -> int:
    """How long Mastodon finds `text`: links count 23, a mention counts without its server."""
    counted = text.strip()
    for link in reversed(links(counted)):
        counted = counted[: link.start] + LINK_STAND_IN + counted[link.end :]
    return graphemes(REMOTE_MENTION.sub(r"\1", counted))


class Mastodon(MastodonOAuth, Deletes, Finds):
    """The facts of a server that nobody has configured otherwise, and the steps of any."""

    spec: ClassVar[Spec] = Spec(
        platform="MASTODON",
        name="Mastodon",
        base_url="",
        own_server=True,
        text=TextRule(limit=500, unit="characters", measure=countable),
        media=MediaRules(
            at_most=4,
            image_types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}),
            image_bytes=16 * MB,
            image_frame=Frame(pixels=33_177_600),  # image_matrix_limit, unless a server has its own
            video_types=frozenset({"video/mp4", "video/webm", "video/quicktime"}),
            video_bytes=99 * MB,
            video_frame=Frame(pixels=8_294_400),  # video_matrix_limit, likewise
            video_fps=(0, 120),
            alt_text=1500,
        ),
        credentials=("accessToken",),
    )

    def check(self, draft: Draft) -> list[Problem]:
        """The rules every network has, a content warning's share of the text, and no mixing."""
        problems = super().check(draft)
        if warning := _spoiler(draft):
            problems = [found for found in problems if found.code != "CONTENT_TOO_LONG"]
            problems += text_problems(self._beside(warning), draft.text, "content")
        if len(draft.media) > 1 and any(item.is_video or item.is_gif for item in draft.media):
            problems.append(
                Problem(
                    field="media",
                    code="MEDIA_MIX_NOT_SUPPORTED",
                    message="Mastodon takes up to 4 images, or one GIF, or one video",
                )
            )
        return problems

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        media_ids = []
        for item in draft.media:
            media_id = yield from self._upload(item)
            media_ids.append(media_id)
        created = yield Call(
            "POST",
            "/api/v1/statuses",
            json=_status(draft, media_ids),
            headers={"Idempotency-Key": _key(draft)},
            effect=Effect.KEYED,
            name="post",
            key_lives=KEY_LIVES,
        )
        return _published(created)

    def identify(self, account: Account) -> Steps[Identity]:
        reply = yield Call("GET", "/api/v1/accounts/verify_credentials")
        username = reply.text("acct")
        return Identity(
            native_id=reply.text("id"),
            username=username,
            display_name=reply.text("display_name") or username,
        )

    def delete(self, post_id: str, account: Account) -> Steps[None]:
        try:
            yield Call("DELETE", f"/api/v1/statuses/{post_id}")
        except Refused as no:
            if no.code != "404":  # gone already is as good
                raise

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        """The account's statuses since `since` with this text and as many files."""
        since = since.replace(microsecond=since.microsecond // 1000 * 1000)  # as servers tell it
        path = f"/api/v1/accounts/{account.native_id}/statuses"
        query = {"limit": str(PAGE), "exclude_reblogs": "true"}
        found: list[Found] = []
        for _ in range(PAGES):
            listed = yield Call("GET", path, query=query)
            page = _statuses(listed)
            found += [
                Found(id=status.text("id"), reply=status)
                for status in page
                if _created_at(status) >= since and _is_what_was_asked(status, call)
            ]
            # By id, not by date: a server may leave out what it filters, so a short page
            # need not be the last one.
            if not page or _created_at(page[-1]) < since:
                return found
            query = {**query, "max_id": page[-1].text("id")}
        raise Unclear(f"Mastodon lists more than {PAGES * PAGE} statuses since {since}")

    def meaning(self, reply: Reply) -> Refusal | None:
        if reply.status == 401:
            return Refusal.RECONNECT  # tokens do not expire: this one was revoked
        return super().meaning(reply)

    def words(self, reply: Reply) -> str:
        if not isinstance(reply.body, dict):
            return super().words(reply)
        told = [reply.body.get("error"), reply.body.get("error_description")]
        return ": ".join(str(part) for part in told if part)[:WORDS] or super().words(reply)

    def code(self, reply: Reply) -> str:
        """Mastodon tells its refusals apart by their status alone."""
        return str(reply.status)

    def retry_after(self, reply: Reply) -> timedelta | None:
        """Until X-RateLimit-Reset, by the server's own clock, where it names no seconds."""
        return super().retry_after(reply) or _until_reset(reply)

    def _upload(self, item: Media) -> Steps[str]:
        """Send a file and wait until the server has made of it what it wants to show."""
        form = {"description": item.alt} if item.alt else {}
        sent = yield Call("POST", "/api/v2/media", form=form, files={"file": item})
        media_id = sent.text("id")
        if sent.status != 202:
            return media_id
        for seconds in POLL_AFTER:
            yield Wait(seconds)
            if (yield Call("GET", f"/api/v1/media/{media_id}")).status != 206:
                return media_id
        raise Refused(f"Mastodon is still processing {item.filename}", Refusal.TRY_LATER)

    def _beside(self, warning: str) -> Spec:
        """The spec for a text that shares its room with a content warning."""
        taken = graphemes(warning)
        measure = replace(self.spec.text, measure=lambda text: countable(text) + taken)
        return replace(self.spec, text=measure)


class _Text(HTMLParser):
    """The text a status was written as.

    A link is shown shortened, its beginning and end in spans that are only hidden: all the
    text together is the whole address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in ("br", "p"):
            self.parts.append("\n" if tag == "br" else "\n\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def written(content: str) -> str:
    """The text behind a status's HTML, as far as the HTML keeps it."""
    parser = _Text()
    parser.feed(content)
    parser.close()
    return comparable("".join(parser.parts))


def comparable(text: str) -> str:
    """`text` without what a server's HTML does not keep.

    It shows @maria@example.org as @maria, makes one paragraph break of several empty lines,
    and drops blanks around the whole.
    """
    lines = [line.rstrip() for line in REMOTE_MENTION.sub(r"\1", text).splitlines()]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()


def _status(draft: Draft, media_ids: Sequence[str]) -> dict[str, Any]:
    chosen = {ours: draft.options.get(ours) for ours in OPTIONS}
    asked: dict[str, Any] = {
        OPTIONS[ours]: value for ours, value in chosen.items() if value not in (None, "")
    }
    if draft.text or not media_ids:
        asked["status"] = draft.text
    if media_ids:
        asked["media_ids"] = list(media_ids)
    return asked


def _key(draft: Draft) -> str:
    """One per journal: after a certain no, the server is asked anew and not reminded."""
    return f"{draft.key}-{int(draft.begun_at.timestamp() * 1000)}"


def _spoiler(draft: Draft) -> str:
    return str(draft.options.get("mastodonSpoilerText") or "").strip()


def _published(created: Reply) -> Published:
    status_id = created.text("id")
    url = created.body.get("url")
    return Published(id=status_id, url=url if isinstance(url, str) else None)


def _statuses(listed: Reply) -> list[Reply]:
    """Each status of a list as the reply that its creation would have had."""
    if not isinstance(listed.body, list):
        raise Unreadable("the account's statuses are no list")
    return [Reply(200, status) for status in listed.body]


def _created_at(status: Reply) -> datetime:
    try:
        at = datetime.fromisoformat(status.text("created_at"))
    except ValueError:
        raise Unreadable("created_at in the answer is no time") from None
    if at.tzinfo is None:
        raise Unreadable("created_at in the answer has no zone")
    return at


def _is_what_was_asked(status: Reply, call: Call) -> bool:
    asked = call.json or {}
    # A warning without a text becomes the text.
    text = asked.get("status") or asked.get("spoiler_text") or ""
    files = status.at("media_attachments")
    return len(files) == len(asked.get("media_ids", ())) and (
        written(status.text("content")) == comparable(text)
    )


def _until_reset(reply: Reply) -> timedelta | None:
    try:
        now = parsedate_to_datetime(reply.headers["date"])
        reset = datetime.fromisoformat(reply.headers["x-ratelimit-reset"])
        return max(reset - now, timedelta(0))
    except (KeyError, ValueError, TypeError):  # TypeError: one of them without a zone
        return None
