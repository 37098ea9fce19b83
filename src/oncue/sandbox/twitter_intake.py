"""What X takes: it reads a request strictly, and says no in its own words."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import regex
from aiohttp import web

PROBLEMS: Final = "https://api.x.com/2/problems/"
TWEET_KEYS: Final = (
    "text media reply card_uri community_id direct_message_deep_link edit_options"
    " for_super_followers_only geo made_with_ai nullcast paid_partnership poll quote_tweet_id"
    " reply_settings share_with_followers"
)
MEDIA_KEYS: Final = (
    "media_ids tagged_user_ids title description embeddable preview_media_id call_to_actions"
)
REPLY_KEYS: Final = "in_reply_to_tweet_id exclude_reply_user_ids auto_populate_reply_metadata"
UPLOAD_KEYS: Final = "media media_category additional_owners"
LIST_KEYS: Final = "max_results pagination_token start_time tweet.fields post.fields"
SIGNATURES: Final = ((b"GIF8", "image/gif"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))
MAX_DESCRIPTION: Final = 1000
ID: Final = regex.compile(r"[0-9]{1,19}")


class No(Exception):
    """X refuses, with this answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.text)
        self.answer = answer


def problem(status: int, title: str, detail: str, **more: str) -> web.Response:
    body = {"type": "about:blank", "title": title, "detail": detail, "status": status, **more}
    return web.json_response(body, status=status, content_type="application/problem+json")


def invalid(detail: str, parameter: str) -> web.Response:
    kind = PROBLEMS + "invalid-request"
    return problem(400, "Invalid Request", detail, type=kind, parameter=parameter)


def missing(kind: str, id_: str) -> dict[str, str]:
    return {
        "type": PROBLEMS + "resource-not-found",
        "title": "Not Found Error",
        "detail": f"Could not find {kind} with id: [{id_}].",
        "resource_type": kind,
        "resource_id": id_,
    }


def not_found(kind: str, id_: str) -> web.Response:
    return problem(404, **missing(kind, id_))


def refuse_unknown(keys: Iterable[str], known: str, where: str) -> None:
    """X takes no key it does not know."""
    for key in set(keys) - set(known.split()):
        raise No(invalid(f"The {where} [{key}] is not one of [{', '.join(known.split())}]", key))


async def json_object(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict):
        raise No(invalid("The request body is not a JSON object", "body"))
    return body


async def received_file(request: web.Request) -> tuple[bytes, str, str]:
    """The bytes, the type and the category of an upload, in either of the two forms X takes."""
    if request.content_type == "multipart/form-data":
        form = await request.post()
        refuse_unknown(form, UPLOAD_KEYS, "form field")
        file, category = form.get("media"), form.get("media_category")
        if not isinstance(file, web.FileField) or not isinstance(category, str):
            raise No(invalid("media and media_category are required", "media"))
        return file.file.read(), file.content_type, category
    body = await json_object(request)
    refuse_unknown(body, UPLOAD_KEYS, "property")
    try:
        content = base64.b64decode(body["media"], validate=True)
        category = str(body["media_category"])
    except (KeyError, TypeError, ValueError):
        raise No(invalid("media (base64) and media_category are required", "media")) from None
    types = (type_ for start, type_ in SIGNATURES if content.startswith(start))
    return content, next(types, "image/jpeg"), category


def description_of(body: Mapping[str, Any]) -> str:
    try:
        text = body["metadata"]["alt_text"]["text"]
    except (KeyError, TypeError):
        text = None
    if not isinstance(text, str) or len(text) > MAX_DESCRIPTION:
        raise No(invalid(f"alt_text.text has up to {MAX_DESCRIPTION} characters", "metadata"))
    return text


def asked(body: Mapping[str, Any]) -> tuple[str, Sequence[str], str | None]:
    """The text, the media and the parent of the post to create."""
    refuse_unknown(body, TWEET_KEYS, "property")
    text, media, reply = body.get("text", ""), body.get("media"), body.get("reply")
    if not isinstance(text, str) or not (text.strip() or media):
        raise No(invalid("A post needs a text or media", "text"))
    return text, media_ids_of(media), parent_of(reply)


def media_ids_of(media: Any) -> Sequence[str]:
    if media is None:
        return ()
    ids = media.get("media_ids") if isinstance(media, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= 4 or not all(map(is_id, ids)):
        raise No(invalid("media_ids has 1 to 4 media ids", "media.media_ids"))
    refuse_unknown(media, MEDIA_KEYS, "property")
    return ids


def parent_of(reply: Any) -> str | None:
    if reply is None:
        return None
    parent = reply.get("in_reply_to_tweet_id") if isinstance(reply, dict) else None
    if not is_id(parent):
        raise No(invalid("in_reply_to_tweet_id is a post id", "reply.in_reply_to_tweet_id"))
    refuse_unknown(reply, REPLY_KEYS, "property")
    return str(parent)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def page_of(request: web.Request) -> tuple[int, int, datetime | None]:
    """How many posts, after how many, and since when."""
    refuse_unknown(request.query, LIST_KEYS, "query parameter")
    start, token = request.query.get("start_time"), request.query.get("pagination_token", "p0")
    try:
        limit, offset = int(request.query.get("max_results", "10")), int(token.removeprefix("p"))
        since = datetime.fromisoformat(start) if start else None
    except ValueError as wrong:
        raise No(invalid(str(wrong), "query")) from None
    if not 5 <= limit <= 100 or (since is not None and since.tzinfo is None):
        raise No(invalid("max_results is 5 to 100 and start_time has a zone", "max_results"))
    return limit, offset, since
