"""A simulated Telegram: the part of the Bot API a bot needs in order to post.

It is stricter than the real one, so that mistakes show: Telegram ignores a parameter it does
not know, this one refuses whatever it does not simulate. An album is one entry in the ledger,
its message ids joined with commas, and goes only as a whole.
https://core.telegram.org/bots/api
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from aiohttp import web

from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.network import TOKEN_PREFIX, Handler, Network, file_facts, username_of

MB: Final = 1024 * 1024
TEXT: Final = 4096
CAPTION: Final = 1024
ALBUM: Final = range(2, 11)
SIZES: Final[Mapping[str, tuple[int, frozenset[str]]]] = {
    "photo": (10 * MB, frozenset({"image/jpeg", "image/png", "image/webp"})),
    "animation": (50 * MB, frozenset({"image/gif", "video/mp4"})),
}
CHAT: Final = frozenset({"chat_id"})
POST: Final = CHAT | {"disable_notification"}
ITEM: Final = frozenset({"type", "media", "caption"})
PREVIEW: Final = "link_preview_options"
ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    Kind.REJECT: (400, "Bad Request: not enough rights to send text messages to the chat"),
    Kind.RATE_LIMIT: (429, "Too Many Requests: retry after {}"),
    Kind.UNAVAILABLE: (503, "Service Unavailable"),
    Kind.EXPIRED_TOKEN: (401, "Unauthorized"),
    Kind.REVOKED_TOKEN: (401, "Unauthorized"),
    Kind.DUPLICATE: (400, "Bad Request: message is a duplicate"),  # the real one never minds
    "server_error": (500, "Internal Server Error"),
}

NUMBER: Final = re.compile("-?[0-9]{1,16}")

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


class BadRequest(Exception):
    """The request is wrong; the words are Telegram's, where it has any."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A method's parameters: values of `fields` are typed where they came as JSON."""

    token: str
    fields: Mapping[str, Any]
    files: Mapping[str, Json]  # what the ledger will say of each


ASKED: Final = web.RequestKey("asked", Asked)


class Telegram(Network):
    platform = "TELEGRAM"

    def methods(self) -> Mapping[str, tuple[Effect, frozenset[str], Callable[[Asked], Any]]]:
        """What each method is about, the parameters it takes, and what it does."""
        photo, animation = (partial(self._send_file, kind) for kind in ("photo", "animation"))
        return {
            "getMe": (Effect.POLL, frozenset(), _me),
            "getChat": (Effect.POLL, CHAT, _full_chat),
            "sendMessage": (Effect.PUBLISH, POST | {"text", PREVIEW}, self._send_message),
            "sendPhoto": (Effect.PUBLISH, POST | {"photo", "caption"}, photo),
            "sendAnimation": (Effect.PUBLISH, POST | {"animation", "caption"}, animation),
            "sendMediaGroup": (Effect.PUBLISH, POST | {"media"}, self._send_media_group),
            "deleteMessage": (Effect.DELETE, CHAT | {"message_id"}, self._delete_message),
            "deleteMessages": (Effect.DELETE, CHAT | {"message_ids"}, self._delete_messages),
        }

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.route(verb, f"/bot{{token}}/{name}", self._answering(*method))
            for name, method in self.methods().items()
            for verb in ("GET", "POST")
        ]

    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        status, words = ERRORS[kind]
        seconds = fault.retry_after if fault and fault.retry_after is not None else 1
        parameters = {"retry_after": seconds} if status == 429 else {}
        return _no(status, words.format(seconds), parameters)

    def account(self, request: web.Request) -> str | None:
        """The chat spoken to: any token is somebody's, so it tells nobody apart."""
        return _account(request[ASKED].fields.get("chat_id"))

    def _answering(
        self, effect: Effect, parameters: frozenset[str], work: Callable[[Asked], Any]
    ) -> Handler:
        async def obey(request: web.Request) -> web.StreamResponse:
            asked = request[ASKED]
            known = parameters | _album(asked).keys()
            if unknown := sorted((asked.fields.keys() | asked.files.keys()) - known):
                raise BadRequest(f"unknown parameter {unknown[0]}")
            return web.json_response({"ok": True, "result": work(asked)})

        met = self.meets(effect, obey)

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                request[ASKED] = await _read(request)
                return await met(request)
            except BadRequest as wrong:
                return _no(400, f"Bad Request: {wrong}")

        return handle

    def _send_message(self, asked: Asked) -> Json:
        text = _text(asked.fields.get("text", ""), TEXT, "message is too long")
        if not text.strip():
            raise BadRequest("message text is empty")
        preview = _parsed(asked.fields.get(PREVIEW, {}), dict, PREVIEW)
        content = {"text": text} | ({PREVIEW: preview} if preview else {})
        [message] = self._send(asked, [content], text)
        return message

    def _send_file(self, kind: str, asked: Asked) -> Json:
        file = _file(asked, kind, kind)
        text = _caption(asked.fields)
        [message] = self._send(asked, [_shown(file, text)], text, [file])
        return message

    def _send_media_group(self, asked: Asked) -> list[Json]:
        items = _album(asked)
        if len(items) not in ALBUM:
            raise BadRequest("an album has 2 to 10 items")
        photos = [_file(asked, name, "photo") for name in items]
        texts = [_caption(item) for item in items.values()]
        contents = [_shown(photo, text) for photo, text in zip(photos, texts, strict=True)]
        messages = self._send(asked, contents, next(filter(None, texts), None), photos)
        return [one | {"media_group_id": str(messages[0]["message_id"])} for one in messages]

    def _send(
        self, asked: Asked, contents: Sequence[Json], text: str | None, media: Sequence[Json] = ()
    ) -> list[Json]:
        """Accept one message for each of `contents`, and write them down as one post."""
        account, chat = _chat(asked.fields)
        _parsed(asked.fields.get("disable_notification", False), bool, "disable_notification")
        about = {"date": int(self.world.now().timestamp()), "chat": chat}
        messages = [{"message_id": self.world.serial()} | about | content for content in contents]
        ids = ",".join(str(message["message_id"]) for message in messages)
        self.record(account, "post", ids, text=text, media=media)
        return messages

    def _delete_message(self, asked: Asked) -> bool:
        number = _parsed(asked.fields.get("message_id"), int, "message_id")
        if not self._delete(asked, {number}):
            raise BadRequest("message to delete not found")
        return True

    def _delete_messages(self, asked: Asked) -> bool:
        numbers = _parsed(asked.fields.get("message_ids", []), list, "message_ids")
        self._delete(asked, {_parsed(number, int, "message_ids") for number in numbers})
        return True

    def _delete(self, asked: Asked, numbers: set[int]) -> bool:
        """Delete what is there of `numbers`, as Telegram does; return whether anything was."""
        account, _ = _chat(asked.fields)
        posts = self.world.ledger.live_posts(self.platform, account)
        meant = [(post.id, {int(number) for number in post.id.split(",")}) for post in posts]
        meant = [(post, messages) for post, messages in meant if messages & numbers]
        if any(messages - numbers for _, messages in meant):
            raise BadRequest("the sandbox deletes an album only as a whole")
        for post, _ in meant:
            self.record(account, "delete", post)
        return bool(meant)


def _no(status: int, description: str, parameters: Json | None = None) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    more = {"parameters": parameters} if parameters else {}
    return web.json_response(body | more, status=status)


async def _read(request: web.Request) -> Asked:
    """The parameters, from wherever Telegram takes them: the address, JSON, or a form."""
    fields: Json = dict(request.query)
    if request.content_type == "application/json":
        fields |= _parsed(await request.text(), dict, "JSON object")
    files: dict[str, Json] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = file_facts(value.file.read(), value.content_type)
        else:
            fields[name] = value
    return Asked(request.match_info["token"], fields, files)


def _parsed(value: Any, kind: type[T], what: str) -> T:
    """A value that may have come as itself, in JSON, or as a text of JSON, in a form."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, kind):
        raise BadRequest(f"can't parse {what}")
    return value


def _text(value: Any, limit: int, too_long: str) -> str:
    if not isinstance(value, str):
        raise BadRequest("strings must be encoded in UTF-8")
    if len(value) > limit:
        raise BadRequest(too_long)
    return value


def _caption(fields: Mapping[str, Any]) -> str | None:
    return _text(fields.get("caption", ""), CAPTION, "message caption is too long") or None


def _album(asked: Asked) -> dict[str, Json]:
    """The items of `media`, by the part that carries the file; empty for other methods."""
    items: dict[str, Json] = {}
    for item in _parsed(asked.fields.get("media", []), list, "media"):
        match item:
            case {"type": "photo", "media": str(name)} if item.keys() <= ITEM:
                items[name.removeprefix("attach://")] = item
            case _:
                raise BadRequest("can't parse media: the sandbox knows attached photos only")
    return items


def _file(asked: Asked, name: str, kind: str) -> Json:
    """A file sent along, if it is what `kind` allows."""
    most, types = SIZES[kind]
    file = asked.files.get(name)
    if file is None:
        raise BadRequest(f"there is no {kind} in the request")
    if file["type"] not in types or not 0 < file["bytes"] <= most:
        raise BadRequest(f"{kind} must be {' or '.join(sorted(types))}, 1 to {most} bytes")
    return file


def _shown(file: Json, caption: str | None) -> Json:
    """What a message says about the file and the caption it has."""
    digest: str = file["sha256"]
    known = {"file_id": digest, "file_unique_id": digest[:16], "file_size": file["bytes"]}
    known |= {"width": 1, "height": 1}  # nobody here looks into a picture
    shown: Json = {"caption": caption} if caption else {}
    if file["type"] in SIZES["photo"][1]:
        return shown | {"photo": [known]}
    return shown | {"animation": known | {"duration": 1, "mime_type": file["type"]}}


def _account(chat_id: Any) -> str | None:
    """The sandbox user whose chat this is: "@maria" and "sandbox:maria" are maria's."""
    name = str(chat_id)
    if NUMBER.fullmatch(name):
        return f"chat_{name}"
    named = re.fullmatch(f"(?:@|{TOKEN_PREFIX})(.+)", name)
    return named[1] if named else None


def _chat(fields: Mapping[str, Any]) -> tuple[str, Json]:
    """Whose chat `chat_id` is, and how Telegram describes it: a number tells its kind."""
    account = _account(name := str(fields.get("chat_id", "")))
    if account is None:
        raise BadRequest("chat not found")
    if not NUMBER.fullmatch(name):
        named = {"type": "channel", "title": account, "username": account}
        return account, {"id": stable_id(account)} | named
    if not name.startswith("-"):
        return account, {"id": int(name), "type": "private", "first_name": account}
    kind = "supergroup" if name.startswith("-100") else "group"
    return account, {"id": int(name), "type": kind, "title": account}


def stable_id(name: str) -> int:
    digits = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**10
    return int(f"-100{digits:010}")


def _full_chat(asked: Asked) -> Json:
    _, chat = _chat(asked.fields)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "gifts_from_channels")
    accepted = dict.fromkeys([*gifts, "premium_subscription"], False)
    return chat | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": accepted}


def _me(asked: Asked) -> Json:
    """The bot a token belongs to, told without telling the token."""
    name = username_of(asked.token)
    bot = {"id": abs(stable_id(name)), "is_bot": True, "first_name": name}
    return bot | {"username": f"{name}_bot"}
