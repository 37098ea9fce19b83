"""Telegram: a bot that speaks in one chat.

A bot cannot read what it has sent and Telegram knows no idempotency key, so a message whose
answer never came is for a person to look at.
https://core.telegram.org/bots/api
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from oncue.connectors.answers import Refusal, Refused, Reply
from oncue.connectors.base import (
    Account,
    Call,
    Connector,
    Deletes,
    Effect,
    Identity,
    Published,
    Secrets,
    Steps,
)
from oncue.connectors.frame import ANY, Frame
from oncue.connectors.spec import (
    MB,
    Draft,
    Media,
    MediaRules,
    Problem,
    Spec,
    TextRule,
    media_problems,
    nothing_problems,
    text_problems,
)

# Telegram counts code points: https://core.telegram.org/constructor/config. Only the offsets
# of entities are UTF-16, and we send none: Telegram links addresses in plain text itself.
TEXT: Final = TextRule(limit=4096, unit="characters")
CAPTION: Final = TextRule(limit=1024, unit="characters next to media")
WORDS: Final = 300  # of a description: more than Telegram ever says


class Telegram(Connector, Deletes):
    spec: ClassVar[Spec] = Spec(
        platform="TELEGRAM",
        name="Telegram",
        base_url="https://api.telegram.org",
        text=TEXT,
        media=MediaRules(
            at_most=10,
            image_types=frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
            image_bytes=10 * MB,
            image_frame=Frame(sides=10_000, ratio=(1 / 20, 20)),
            gif_frame=ANY,  # an animation is no photo
            video_bytes=50 * MB,  # for when videos are sent
        ),
        credentials=("botToken", "chatId"),
    )

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        sent = (yield _post(draft)).at("result")
        messages = Reply(200, sent if isinstance(sent, list) else [sent])
        first = messages.at(0)
        ids = [messages.text(number, "message_id") for number in range(len(messages.body))]
        return Published(id=",".join(ids), url=_link(first))

    def delete(self, post_id: str, account: Account) -> Steps[None]:
        ids = [int(number) for number in post_id.split(",")]
        try:
            if len(ids) == 1:
                yield Call("POST", "/deleteMessage", json={"message_id": ids[0]})
            else:
                yield Call("POST", "/deleteMessages", json={"message_ids": ids})
        except Refused as refused:
            if "message to delete not found" not in str(refused):
                raise

    def identify(self, account: Account) -> Steps[Identity]:
        """Who the chat is: a post there carries the channel's name, not the bot's."""
        bot = yield Call("POST", "/getMe")
        chat = yield Call("POST", "/getChat", json={})
        native_id = chat.text("result", "id")
        bot_name = bot.text("result", "username")
        facts = chat.at("result")
        title = facts.get("title") or facts.get("first_name")
        return Identity(
            native_id=native_id,
            username=facts.get("username") or title or bot_name,
            display_name=title or bot_name,
        )

    def check(self, draft: Draft) -> list[Problem]:
        """Like every network's rules, but a text next to media may only be a caption long."""
        spec = replace(self.spec, text=CAPTION) if draft.media else self.spec
        return [
            *nothing_problems(self.spec, draft.text, draft.media, "content"),
            *text_problems(spec, draft.text, "content"),
            *media_problems(spec, draft.media, "media"),
            *_mixed(draft.media),
        ]

    def sign(self, call: Call, secrets: Secrets) -> Call:
        # The chat is named among the credentials, so a call with parameters leaves it out and
        # has it filled in here; getMe is the one method without any.
        chat = {"chat_id": secrets["chatId"]}
        return replace(
            call,
            path=f"/bot{quote(secrets['botToken'], safe=':')}{call.path}",
            json=None if call.json is None else chat | dict(call.json),
            form=None if call.form is None else chat | dict(call.form),
        )

    def judge(self, reply: Reply) -> None:
        """Believe the body before the status: {"ok": false} is a no, whatever it came with."""
        body = reply.body
        if reply.status < 300 and isinstance(body, Mapping) and body.get("ok") is False:
            code = body.get("error_code")
            reply = replace(reply, status=code if isinstance(code, int) and code >= 400 else 400)
        super().judge(reply)

    def meaning(self, reply: Reply) -> Refusal | None:
        if _parameter(reply, "migrate_to_chat_id") is not None:
            return Refusal.RECONNECT  # the group has a new id now, and only a person can say so
        match reply.status:
            case 401 | 404:  # a token Telegram does not know, or one that cannot be a token
                return Refusal.RECONNECT
            case 403:  # the bot was removed from the chat or blocked
                return Refusal.RECONNECT
            case _:
                return super().meaning(reply)

    def words(self, reply: Reply) -> str:
        said = reply.body.get("description") if isinstance(reply.body, Mapping) else None
        if not isinstance(said, str):
            return super().words(reply)
        moved = _parameter(reply, "migrate_to_chat_id")
        return said[:WORDS] + (f" (its new chat id is {moved})" if moved is not None else "")

    def code(self, reply: Reply) -> str | None:
        code = reply.body.get("error_code") if isinstance(reply.body, Mapping) else None
        return None if code is None else str(code)

    def retry_after(self, reply: Reply) -> timedelta | None:
        seconds = _parameter(reply, "retry_after")
        return super().retry_after(reply) if seconds is None else timedelta(seconds=seconds)


def _post(draft: Draft) -> Call:
    """The one call that publishes `draft`, whatever it is made of."""
    match draft.media:
        case []:
            return _public("/sendMessage", json=_text(draft))
        case [item] if item.is_gif:
            return _public("/sendAnimation", form=_captioned(draft), files={"animation": item})
        case [item]:
            return _public("/sendPhoto", form=_captioned(draft), files={"photo": item})
        case _:
            return _album(draft)


def _public(path: str, **content: Any) -> Call:
    return Call("POST", path, effect=Effect.REVIEW, name="post", **content)


def _text(draft: Draft) -> dict[str, Any]:
    fields: dict[str, Any] = {"text": draft.text}
    if draft.options.get("telegramSilent"):
        fields["disable_notification"] = True
    if draft.options.get("telegramDisablePreview"):
        fields["link_preview_options"] = {"is_disabled": True}
    return fields


def _captioned(draft: Draft) -> dict[str, str]:
    return _caption(draft.text) | _silence(draft)


def _album(draft: Draft) -> Call:
    """One message per picture; a caption on the first is shown as the album's."""
    files = {f"photo{number}": item for number, item in enumerate(draft.media, start=1)}
    photos = [{"type": "photo", "media": f"attach://{name}"} for name in files]
    photos[0] |= _caption(draft.text)
    form = {"media": json.dumps(photos, ensure_ascii=False)} | _silence(draft)
    return _public("/sendMediaGroup", form=form, files=files)


def _caption(text: str) -> dict[str, str]:
    return {"caption": text} if text else {}


def _silence(draft: Draft) -> dict[str, str]:
    return {"disable_notification": "true"} if draft.options.get("telegramSilent") else {}


def _link(message: Mapping[str, Any]) -> str | None:
    """Where people find the message; None in private chats and basic groups, which have no links.

    https://core.telegram.org/api/links#message-links
    """
    match message:
        case {"message_id": number, "chat": {"type": "channel" | "supergroup", **chat}}:
            place = chat.get("username") or f"c/{str(chat.get('id')).removeprefix('-100')}"
            return f"https://t.me/{place}/{number}"
        case _:
            return None


def _parameter(reply: Reply, name: str) -> int | None:
    """What Telegram says for a program to act on, next to the words."""
    match reply.body:
        case {"parameters": {**parameters}}:
            value = parameters.get(name)
            return value if isinstance(value, int) else None
        case _:
            return None


def _mixed(media: Sequence[Media]) -> list[Problem]:
    """An album is made of photos; a GIF is an animation to Telegram and stands alone."""
    if len(media) < 2 or not any(item.is_gif for item in media):
        return []
    return [
        Problem(
            field="media",
            code="MEDIA_MIX_NOT_SUPPORTED",
            message="Telegram takes a GIF only on its own, not next to other media",
        )
    ]
