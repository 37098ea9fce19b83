"""X, once Twitter. https://docs.x.com/x-api and its OpenAPI description 2.167."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final, NamedTuple

from oncue.connectors.answers import Refusal, Refused, Reply
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
from oncue.connectors.oauth import Authorises, OAuth
from oncue.connectors.spec import (
    MB,
    Draft,
    Media,
    MediaRules,
    Problem,
    Spec,
    TextRule,
    ThreadItem,
    fields_of,
)
from oncue.connectors.twitter_oauth import TWITTER_OAUTH
from oncue.connectors.twitter_text import (
    LIMIT,
    as_written,
    cashtags,
    essence,
    has_invalid_characters,
    weighted_length,
)

CASHTAGS: Final = 1  # for pay-per-use apps, since 2026
POLLS: Final = 30
POLL_SECONDS: Final = 5  # where X does not say when to ask again
PAGE: Final = 100
PAGES: Final = 32  # X lists the last 3200 posts
WORDS: Final = 500  # of an explanation
LIMITS: Final = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")  # header names
NOT_FOUND: Final = "resource-not-found"
USAGE_CAPPED: Final = "usage-capped"


class Twitter(Authorises, Deletes, Finds):
    oauth: ClassVar[OAuth] = TWITTER_OAUTH
    spec: ClassVar[Spec] = Spec(
        platform="TWITTER",
        name="X",
        base_url="https://api.x.com",
        text=TextRule(limit=LIMIT, unit="weighted characters", measure=weighted_length),
        media=MediaRules(
            at_most=4,
            image_types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}),
            image_bytes=5 * MB,
            gif_bytes=15 * MB,
            gif_frame=Frame(at_most=(1_280, 1_080)),
            gif_frames=350,
            # No type of video yet: what follows are the facts for when they are sent.
            video_bytes=512 * MB,
            video_seconds=(0.5, 140),
            video_frame=Frame(
                at_least=(32, 32), at_most=(1_280, 1_024), turnable=True, ratio=(1 / 3, 3)
            ),
            video_fps=(0, 60),
            video_codecs=frozenset({"h264"}),
            audio_codecs=frozenset({"aac"}),
            alt_text=1000,
        ),
        credentials=("accessToken",),
        thread_items=25,
        suggests_hashtags=True,
    )

    def check(self, draft: Draft) -> list[Problem]:
        problems = super().check(draft)
        for number, item in enumerate(draft.items(), start=1):
            problems += _own_problems(item, *fields_of(draft, number))
        return problems

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        """Post the item, or a thread of them in which each replies to the one before."""
        ids: list[str] = []
        for number, item in enumerate(draft.items(), start=1):
            media_ids = []
            for file in item.media:
                media_id = yield from _upload(file)
                media_ids.append(media_id)
            created = yield Call(
                "POST",
                "/2/tweets",
                json=_tweet(item.text, media_ids, ids[-1] if ids else None),
                effect=Effect.FIND,
                name=f"item {number}" if draft.thread else "post",
            )
            ids.append(created.text("data", "id"))
        return Published(id=ids[0], url=f"https://x.com/{account.username or 'i'}/status/{ids[0]}")

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/2/users/me")
        return Identity(
            native_id=me.text("data", "id"),
            username=me.text("data", "username"),
            display_name=me.text("data", "name"),
        )

    def delete(self, post_id: str, account: Account) -> Steps[None]:
        try:
            yield Call("DELETE", f"/2/tweets/{post_id}")
        except Refused as refused:
            if refused.code != NOT_FOUND:  # gone already is as good
                raise

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        """The account's posts since `since` that say, show and answer what `call` would."""
        wanted = _asked(call.json or {})
        found: list[Found] = []
        query = {
            "start_time": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "max_results": str(PAGE),
            "tweet.fields": "created_at,entities,referenced_tweets,attachments",
        }
        for _ in range(PAGES):
            page = yield Call("GET", f"/2/users/{account.native_id}/tweets", query=query)
            for number, tweet in enumerate(_listed(page)):
                if _shown(tweet, text := page.text("data", number, "text")) == wanted:
                    data = {"id": page.text("data", number, "id"), "text": text}
                    found.append(Found(id=data["id"], reply=Reply(201, {"data": data})))
            if (following := _within(page.body, "meta").get("next_token")) is None:
                break
            query = {**query, "pagination_token": following}
        return found

    def meaning(self, reply: Reply) -> Refusal | None:
        if reply.status == 403 and "duplicate" in self.words(reply).casefold():
            return Refusal.DUPLICATE
        if reply.status == 429 and self.code(reply) == USAGE_CAPPED:
            return Refusal.REJECTED  # paid for by the month: no retry of ours outlasts it
        return super().meaning(reply)

    def words(self, reply: Reply) -> str:
        told = [
            str(problem.get("detail") or problem.get("message") or problem.get("title") or "")
            for problem in _problems(reply.body)
        ]
        words = ": ".join(dict.fromkeys(filter(None, told)))[:WORDS] or super().words(reply)
        if self.code(reply) == USAGE_CAPPED:
            return f"The app has used up what it may do on X in this billing period: {words}"
        return words

    def code(self, reply: Reply) -> str | None:
        """The last part of the problem's type, as in "client-forbidden"."""
        for problem in _problems(reply.body):
            kind = str(problem.get("type", ""))
            if "/problems/" in kind:
                return kind.rpartition("/")[2]
        return NOT_FOUND if reply.status == 404 else None

    def retry_after(self, reply: Reply) -> timedelta | None:
        """X names the moment its limit ends; the answer's own date tells how far off that is."""
        if (asked := super().retry_after(reply)) is not None:
            return asked
        used_up = (name for name in LIMITS if reply.headers.get(f"{name}-remaining", "0") == "0")
        ends = [_epoch(reply.headers.get(f"{name}-reset", "")) for name in used_up]
        try:
            answered = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
        except ValueError:
            return None
        return timedelta(seconds=max(max(ends) - int(answered), 0)) if any(ends) else None


def _epoch(value: str) -> int:
    """Seconds since 1970; 0 where the answer does not say."""
    return int(value) if value.isascii() and value.isdigit() else 0


def _own_problems(item: ThreadItem, text: str, media: str) -> Iterator[Problem]:
    """The rules only X has, with the request's names of the item's text and media."""
    if has_invalid_characters(item.text):
        yield Problem(
            field=text,
            code="INVALID_CHARACTERS",
            message="X does not take the characters U+FFFE, U+FEFF and U+FFFF",
        )
    if (actual := len(cashtags(item.text))) > CASHTAGS:
        yield Problem(
            field=text,
            code="TOO_MANY_CASHTAGS",
            message=f"X takes {CASHTAGS} cashtag in a post; this has {actual}",
            limit=CASHTAGS,
            actual=actual,
        )
    if len(item.media) > 1 and any(file.is_gif for file in item.media):
        yield Problem(
            field=media,
            code="MEDIA_MIX_NOT_SUPPORTED",
            message="X takes up to 4 photos or one GIF, not both",
        )


def _upload(file: Media) -> Steps[str]:
    """Hand over a file, wait until X has processed it, describe it; return its id."""
    category = "tweet_gif" if file.is_gif else "tweet_image"
    state = yield Call(
        "POST", "/2/media/upload", form={"media_category": category}, files={"media": file}
    )
    media_id = state.text("data", "id")
    for _ in range(POLLS):
        processing = _within(state.body, "data", "processing_info")
        match processing.get("state", "succeeded"):
            case "succeeded":
                break
            case "failed":
                raise Refused(f"X could not process {file.filename}")
        yield Wait(_pause(processing.get("check_after_secs")))
        state = yield Call(
            "GET", "/2/media/upload", query={"command": "STATUS", "media_id": media_id}
        )
    else:
        raise Refused(f"X is still processing {file.filename}", Refusal.TRY_LATER)
    if file.alt:
        metadata = {"alt_text": {"text": file.alt}}
        yield Call("POST", "/2/media/metadata", json={"id": media_id, "metadata": metadata})
    return media_id


def _pause(seconds: object) -> int:
    """How long X wants us to wait before we ask again: a minute at most."""
    return min(seconds, 60) if isinstance(seconds, int) and seconds > 0 else POLL_SECONDS


def _tweet(text: str, media_ids: Sequence[str], parent: str | None) -> Mapping[str, Any]:
    """The request's body: X refuses keys it does not know and lists that are empty."""
    body: dict[str, Any] = {}
    if text:
        body["text"] = text
    if media_ids:
        body["media"] = {"media_ids": list(media_ids)}
    if parent is not None:
        body["reply"] = {"in_reply_to_tweet_id": parent}
    return body


class _Likeness(NamedTuple):
    """What two posts share when they are the same to a reader."""

    text: str
    parent: str | None
    media: int


def _asked(body: Mapping[str, Any]) -> _Likeness:
    """What a post made of the request `body` will look like."""
    return _Likeness(
        text=essence(body.get("text", "")),
        parent=_within(body, "reply").get("in_reply_to_tweet_id"),
        media=len(_within(body, "media").get("media_ids", ())),
    )


def _shown(tweet: Mapping[str, Any], text: str) -> _Likeness:
    """What a listed post looks like, with X's own rewriting undone.

    The documentation says referenced_tweets, the OpenAPI description referenced_posts.
    """
    references = tweet.get("referenced_tweets") or tweet.get("referenced_posts") or ()
    replied = [each.get("id") for each in references if each.get("type") == "replied_to"]
    media = len(_within(tweet, "attachments").get("media_keys") or ())
    urls = _within(tweet, "entities").get("urls") or ()
    return _Likeness(
        text=essence(as_written(text, urls, has_media=media > 0)),
        parent=replied[0] if replied else None,
        media=media,
    )


def _listed(page: Reply) -> Sequence[Mapping[str, Any]]:
    """The posts of a page; X leaves `data` out where there are none, and says so."""
    if _within(page.body, "meta").get("result_count") == 0:
        return ()
    posts: Sequence[Mapping[str, Any]] = page.at("data")
    return posts


def _problems(body: Any) -> Iterator[Mapping[str, Any]]:
    """The answer, and the problems it lists."""
    if isinstance(body, Mapping):
        yield body
        yield from (each for each in body.get("errors") or () if isinstance(each, Mapping))


def _within(body: Any, *path: str) -> Mapping[str, Any]:
    """The object at `path`, or an empty one: X leaves out what it has nothing to say about."""
    for step in path:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body if isinstance(body, Mapping) else {}
