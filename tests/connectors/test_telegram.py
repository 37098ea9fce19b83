"""Telegram's conversations: what the bot asks for, and what it makes of the answers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversation import converse, ok
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Account, Call, Effect, Finds, Identity, Published
from oncue.connectors.spec import MB, Draft, Media
from oncue.connectors.telegram import Telegram

ACCOUNT = Account(native_id="-1001234567890", username="oncue_news")
SECRETS = {"botToken": "123456:AA-bb_cc", "chatId": "@oncue_news"}
CHANNEL = {"id": -1001234567890, "type": "channel", "title": "News", "username": "oncue_news"}


def picture(name: str = "a", type_: str = "image/jpeg", **facts: Any) -> Media:
    return Media(id=name, type=type_, sha256=name * 64, **({"bytes": 5} | facts))


def draft(text: str = "Summer", *media: Media, **options: Any) -> Draft:
    begun = datetime(2026, 11, 22, tzinfo=UTC)
    return Draft(text=text, key="pp_1", begun_at=begun, media=media, options=options)


def sent(number: int, chat: Mapping[str, Any] = CHANNEL) -> dict[str, Any]:
    return {"message_id": number, "date": 1, "chat": chat}


def yes(result: Any) -> Reply:
    return ok({"ok": True, "result": result})


def no(status: int, description: str = "Bad Request: no", **parameters: Any) -> Reply:
    body = {"ok": False, "error_code": status, "description": description}
    return Reply(status, body | ({"parameters": parameters} if parameters else {}))


def public(path: str, **content: Any) -> Call:
    return Call("POST", path, effect=Effect.REVIEW, name="post", **content)


def test_a_text_is_one_message_with_a_link() -> None:
    asked, post = converse(Telegram().publish(draft("Hi https://x.org"), ACCOUNT), [yes(sent(7))])

    assert asked == [public("/sendMessage", json={"text": "Hi https://x.org"})]
    assert post == Published(id="7", url="https://t.me/oncue_news/7")


def test_a_message_can_be_silent_and_without_a_preview() -> None:
    quiet = draft(telegramSilent=True, telegramDisablePreview=True)

    asked, _ = converse(Telegram().publish(quiet, ACCOUNT), [yes(sent(7))])

    assert asked == [
        public(
            "/sendMessage",
            json={
                "text": "Summer",
                "disable_notification": True,
                "link_preview_options": {"is_disabled": True},
            },
        )
    ]


@pytest.mark.parametrize(
    ("type_", "method", "part"),
    [
        ("image/jpeg", "/sendPhoto", "photo"),
        ("image/png", "/sendPhoto", "photo"),
        ("image/webp", "/sendPhoto", "photo"),
        ("image/gif", "/sendAnimation", "animation"),
    ],
)
def test_one_picture_goes_along_with_its_caption(type_: str, method: str, part: str) -> None:
    item = picture(type_=type_)

    asked, post = converse(Telegram().publish(draft("Summer", item), ACCOUNT), [yes(sent(8))])

    assert asked == [public(method, form={"caption": "Summer"}, files={part: item})]
    assert post == Published(id="8", url="https://t.me/oncue_news/8")


def test_a_picture_needs_no_caption_and_can_be_silent() -> None:
    quiet = draft("", picture(), telegramSilent=True, telegramDisablePreview=True)

    asked, _ = converse(Telegram().publish(quiet, ACCOUNT), [yes(sent(8))])

    form = {"disable_notification": "true"}
    assert asked == [public("/sendPhoto", form=form, files={"photo": picture()})]


def test_several_pictures_are_an_album_with_the_caption_on_the_first() -> None:
    first, second = picture("a"), picture("b", "image/png")
    album = draft("Été", first, second, telegramSilent=True)

    asked, post = converse(Telegram().publish(album, ACCOUNT), [yes([sent(8), sent(9)])])

    [call] = asked
    assert isinstance(call, Call)
    assert call.form is not None
    form = dict(call.form)
    assert json.loads(form.pop("media")) == [
        {"type": "photo", "media": "attach://photo1", "caption": "Été"},
        {"type": "photo", "media": "attach://photo2"},
    ]
    assert form == {"disable_notification": "true"}
    assert (call.path, call.effect, call.name) == ("/sendMediaGroup", Effect.REVIEW, "post")
    assert call.files == {"photo1": first, "photo2": second}
    assert post == Published(id="8,9", url="https://t.me/oncue_news/8")


@pytest.mark.parametrize(
    ("chat", "url"),
    [
        ({"id": -1001, "type": "channel", "username": "news"}, "https://t.me/news/7"),
        ({"id": -1001, "type": "supergroup", "username": "club"}, "https://t.me/club/7"),
        ({"id": -1001234, "type": "channel"}, "https://t.me/c/1234/7"),
        ({"id": -1001234, "type": "supergroup"}, "https://t.me/c/1234/7"),
        ({"id": -1234, "type": "group"}, None),
        ({"id": 5, "type": "private", "username": "maria"}, None),
        (None, None),
    ],
)
def test_a_link_is_given_where_telegram_has_one(chat: Mapping[str, Any], url: str | None) -> None:
    _, post = converse(Telegram().publish(draft(), ACCOUNT), [yes(sent(7, chat))])

    assert post == Published(id="7", url=url)


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "result": []}, {"result": True}, None])
def test_an_answer_without_a_message_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable):
        converse(Telegram().publish(draft(), ACCOUNT), [ok(body)])


@pytest.mark.parametrize(
    ("post_id", "call"),
    [
        ("7", Call("POST", "/deleteMessage", json={"message_id": 7})),
        ("8,9", Call("POST", "/deleteMessages", json={"message_ids": [8, 9]})),
    ],
)
def test_a_post_is_deleted_with_all_its_messages(post_id: str, call: Call) -> None:
    asked, _ = converse(Telegram().delete(post_id, ACCOUNT), [yes(result=True)])

    assert asked == [call]


def test_a_post_that_is_gone_already_counts_as_deleted() -> None:
    gone = Refused("Bad Request: message to delete not found")

    asked, _ = converse(Telegram().delete("7", ACCOUNT), [gone])

    assert len(asked) == 1


def test_a_post_that_must_not_be_deleted_is_a_refusal() -> None:
    with pytest.raises(Refused, match="can't be deleted"):
        converse(
            Telegram().delete("7", ACCOUNT), [Refused("Bad Request: message can't be deleted")]
        )


@pytest.mark.parametrize(
    ("chat", "identity"),
    [
        (CHANNEL, ("-1001234567890", "oncue_news", "News")),
        ({"id": -5, "type": "group", "title": "Club"}, ("-5", "Club", "Club")),
        (
            {"id": 5, "type": "private", "username": "maria", "first_name": "Maria"},
            ("5", "maria", "Maria"),
        ),
        ({"id": 5, "type": "private"}, ("5", "oncue_bot", "oncue_bot")),
    ],
)
def test_an_account_is_the_chat_the_bot_speaks_in(
    chat: Mapping[str, Any], identity: tuple[str, str, str]
) -> None:
    bot = {"id": 123456, "is_bot": True, "first_name": "Oncue", "username": "oncue_bot"}

    asked, found = converse(Telegram().identify(Account(native_id="")), [yes(bot), yes(chat)])

    assert asked == [Call("POST", "/getMe"), Call("POST", "/getChat", json={})]
    native_id, username, display_name = identity
    assert found == Identity(native_id=native_id, username=username, display_name=display_name)


@pytest.mark.parametrize(
    ("call", "signed"),
    [
        (Call("POST", "/getMe"), Call("POST", "/bot123456:AA-bb_cc/getMe")),
        (
            Call("POST", "/getChat", json={}),
            Call("POST", "/bot123456:AA-bb_cc/getChat", json={"chat_id": "@oncue_news"}),
        ),
        (
            public("/sendPhoto", form={"caption": "Hi"}, files={"photo": picture()}),
            public(
                "/bot123456:AA-bb_cc/sendPhoto",
                form={"chat_id": "@oncue_news", "caption": "Hi"},
                files={"photo": picture()},
            ),
        ),
        (
            Call("POST", "/getChat", json={"chat_id": "@other"}),
            Call("POST", "/bot123456:AA-bb_cc/getChat", json={"chat_id": "@other"}),
        ),
    ],
)
def test_signing_puts_the_token_into_the_path_and_names_the_chat(call: Call, signed: Call) -> None:
    assert Telegram().sign(call, SECRETS) == signed


def test_a_token_cannot_lead_to_another_path() -> None:
    signed = Telegram().sign(Call("POST", "/getMe"), SECRETS | {"botToken": "1:a/../x?y#z"})

    assert signed.path == "/bot1:a%2F..%2Fx%3Fy%23z/getMe"


def test_a_yes_is_a_yes() -> None:
    Telegram().judge(yes(sent(7)))


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (no(400, "Bad Request: chat not found"), Refusal.REJECTED),
        (no(401, "Unauthorized"), Refusal.RECONNECT),
        (no(403, "Forbidden: bot was kicked from the channel chat"), Refusal.RECONNECT),
        (no(404, "Not Found"), Refusal.RECONNECT),
        (no(413, "Request Entity Too Large"), Refusal.REJECTED),
        (no(429, "Too Many Requests: retry after 35"), Refusal.RATE_LIMITED),
        (no(503, "Service Unavailable"), Refusal.TRY_LATER),
    ],
)
def test_a_no_says_what_it_means_in_telegrams_words(reply: Reply, meaning: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        Telegram().judge(reply)

    assert refused.value.meaning is meaning
    assert str(refused.value) == reply.at("description")
    assert refused.value.code == str(reply.status)


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ({"ok": False}, Refusal.REJECTED),
        ({"ok": False, "error_code": 400, "description": "Bad Request"}, Refusal.REJECTED),
        ({"ok": False, "error_code": 429}, Refusal.RATE_LIMITED),
        ({"ok": False, "error_code": "odd"}, Refusal.REJECTED),
    ],
)
def test_a_no_counts_although_the_status_says_yes(body: Any, meaning: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        Telegram().judge(Reply(200, body))

    assert refused.value.meaning is meaning


@pytest.mark.parametrize(
    "reply",
    [
        no(500, "Internal Server Error"),
        no(502, "Bad Gateway"),
        Reply(504, "<html>"),
        Reply(200, {"ok": False, "error_code": 500}),
        Reply(200, "<html>"),
        Reply(302),
    ],
)
def test_an_answer_that_does_not_tell_is_unclear(reply: Reply) -> None:
    with pytest.raises(Unclear):
        Telegram().judge(reply)


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (no(429, retry_after=35), timedelta(seconds=35)),
        (Reply(429, {"ok": False}, {"retry-after": "4"}), timedelta(seconds=4)),
        (Reply(429, {"ok": False, "parameters": {"retry_after": "soon"}}), None),
    ],
)
def test_the_wait_telegram_asks_for_is_kept(reply: Reply, wait: timedelta | None) -> None:
    with pytest.raises(Refused) as refused:
        Telegram().judge(reply)

    assert refused.value.retry_after == wait


def test_a_group_that_moved_has_to_be_connected_again_under_its_new_id() -> None:
    moved = no(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009)

    with pytest.raises(Refused, match="its new chat id is -1009") as refused:
        Telegram().judge(moved)

    assert refused.value.meaning is Refusal.RECONNECT


def test_a_refusal_without_words_is_put_in_ours() -> None:
    with pytest.raises(Refused, match="Telegram answered with status 413"):
        Telegram().judge(Reply(413, "<html>"))


@pytest.mark.parametrize(
    "fitting",
    [
        draft("x"),
        draft("😀" * 4096),
        draft("", picture()),
        draft("x" * 1024, picture()),
        draft("", *[picture()] * 10),
        draft("", picture(type_="image/gif", width=9_000, height=9_000)),
        draft("", picture(bytes=10 * MB, width=9_000, height=1_000)),
        draft("", picture(width=2_000, height=100)),
    ],
)
def test_a_draft_within_the_limits_may_be_sent(fitting: Draft) -> None:
    assert Telegram().check(fitting) == []


GIF = picture(type_="image/gif")
CLIP = picture(type_="video/mp4")


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (draft("x" * 4097), [("content", "CONTENT_TOO_LONG", 4096, 4097)]),
        (draft("x" * 1025, picture()), [("content", "CONTENT_TOO_LONG", 1024, 1025)]),
        (draft(" "), [("content", "CONTENT_REQUIRED", None, None)]),
        (draft("", *[picture()] * 11), [("media", "TOO_MANY_MEDIA", 10, 11)]),
        (
            draft("", picture(bytes=10 * MB + 1)),
            [("media", "MEDIA_TOO_LARGE", 10 * MB, 10 * MB + 1)],
        ),
        (draft("", CLIP), [("media", "MEDIA_TYPE_NOT_SUPPORTED", None, None)]),
        (draft("", picture(), GIF), [("media", "MEDIA_MIX_NOT_SUPPORTED", None, None)]),
        (
            draft("", picture(width=9_000, height=1_001)),
            [("media", "MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        (
            draft("", picture(width=99, height=2_000)),
            [("media", "MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
    ],
)
def test_every_limit_a_draft_breaks_is_named(
    broken: Draft, found: list[tuple[str, str, int | None, int | None]]
) -> None:
    problems = Telegram().check(broken)

    assert [(p.field, p.code, p.limit, p.actual) for p in problems] == found


def test_telegram_cannot_be_searched_for_a_lost_post() -> None:
    assert not isinstance(Telegram(), Finds)
