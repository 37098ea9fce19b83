"""What every connector shares: reading replies, judging them, counting against the spec."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from connectors.scripted import Scripted
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Account, Call, Effect, Exchange, Session
from oncue.connectors.frame import Frame
from oncue.connectors.spec import (
    Draft,
    Media,
    MediaRules,
    Problem,
    ThreadItem,
    file_problems,
)

BODY: Final = {"data": {"id": "7", "n": 8, "ok": True, "no": None}, "list": [{"id": "9"}]}
PNG: Final = Media(id="m1", type="image/png", bytes=10, sha256="a" * 64, filename="a.png")


def draft(text: str = "Hi", *media: Media, thread: tuple[ThreadItem, ...] = ()) -> Draft:
    begun = datetime(2026, 11, 22, tzinfo=UTC)
    return Draft(text=text, key="pp_1", begun_at=begun, media=media, thread=thread)


def test_a_reply_is_read_by_its_path() -> None:
    reply = Reply(200, BODY)

    assert reply.at() == BODY
    assert reply.at("list", 0, "id") == "9"
    assert reply.at("data", "no") is None
    assert (reply.text("data", "id"), reply.text("data", "n")) == ("7", "8")


@pytest.mark.parametrize(
    "path",
    [("data", "name"), ("list", 1), ("list", "id"), ("data", "id", "more"), ("data", "no", 0)],
)
def test_what_is_not_there_cannot_be_read(path: tuple[str | int, ...]) -> None:
    with pytest.raises(Unreadable, match=".".join(str(step) for step in path)):
        Reply(200, BODY).at(*path)


@pytest.mark.parametrize("body", [None, "<html>", 7, []])
def test_nothing_can_be_read_from_a_body_of_another_kind(body: object) -> None:
    with pytest.raises(Unreadable):
        Reply(200, body).text("id")


@pytest.mark.parametrize("path", [("data",), ("list",), ("data", "ok"), ("data", "no")])
def test_what_is_no_text_is_not_taken_for_one(path: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable, match="no text"):
        Reply(200, BODY).text(*path)


@pytest.mark.parametrize("effect", [effect for effect in Effect if effect.is_public])
def test_a_public_call_needs_a_name(effect: Effect) -> None:
    with pytest.raises(ValueError, match="/post"):
        Call("POST", "/post", effect=effect)


def test_only_what_other_people_see_is_public() -> None:
    assert [effect for effect in Effect if not effect.is_public] == [Effect.REPEAT]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [None, {}, []])
def test_a_yes_is_a_yes(status: int, body: object) -> None:
    assert is_a_yes(Reply(status, body))


def is_a_yes(reply: Reply) -> bool:
    try:
        Scripted().judge(reply)
    except (Refused, Unclear):
        return False
    return True


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, "<html>Bad gateway?</html>"),
        Reply(200, ""),
        Reply(301),
        Reply(307, {"id": "7"}),
        Reply(500),
        Reply(502, "<html>"),
        Reply(504),
        Reply(599),
    ],
)
def test_an_answer_that_does_not_tell_is_unclear(reply: Reply) -> None:
    with pytest.raises(Unclear, match="Scripted"):
        Scripted().judge(reply)


@pytest.mark.parametrize(
    ("status", "meaning", "is_transient"),
    [
        (400, Refusal.REJECTED, False),
        (401, Refusal.EXPIRED, False),
        (403, Refusal.REJECTED, False),
        (404, Refusal.REJECTED, False),
        (413, Refusal.REJECTED, False),
        (422, Refusal.REJECTED, False),
        (429, Refusal.RATE_LIMITED, True),
        (499, Refusal.REJECTED, False),
        (503, Refusal.TRY_LATER, True),
    ],
)
def test_a_no_means_something(status: int, meaning: Refusal, is_transient: bool) -> None:
    reply = Reply(status, {"error": "no"}, {"retry-after": "7"})

    with pytest.raises(Refused, match=f"Scripted answered with status {status}") as refused:
        Scripted().judge(reply)

    no = refused.value
    assert (no.meaning, no.is_transient, no.reply) == (meaning, is_transient, reply)
    assert (no.retry_after, no.code) == (timedelta(seconds=7), None)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_pause_nobody_can_read_is_none(value: str) -> None:
    assert Scripted().retry_after(Reply(429, None, {"retry-after": value})) is None


@pytest.mark.parametrize("value", ["86401", "9" * 12, "9" * 30, "9" * 5_000])
def test_a_pause_beyond_all_measure_is_a_day(value: str) -> None:
    with pytest.raises(Refused) as refused:
        Scripted().judge(Reply(429, None, {"retry-after": value}))

    assert refused.value.retry_after == timedelta(days=1)


class Backwards(Scripted):
    def retry_after(self, reply: Reply) -> timedelta | None:
        return timedelta(seconds=-5)


def test_a_pause_that_is_over_already_is_none_at_all() -> None:
    with pytest.raises(Refused) as refused:
        Backwards().judge(Reply(429))

    assert refused.value.retry_after == timedelta(0)


def test_a_token_is_added_to_a_copy_of_the_call() -> None:
    call = Call("GET", "/me", headers={"accept": "application/json"})

    signed = Scripted().sign(call, {"accessToken": "canary"})

    assert signed.headers == {"accept": "application/json", "authorization": "Bearer canary"}
    assert call.headers == {"accept": "application/json"}


@pytest.mark.parametrize(
    "carrier",
    [
        Exchange("POST", "/", json={"password": "canary"}),
        Exchange("POST", "/", form={"password": "canary"}, headers={"authorization": "canary"}),
        Session(secrets={"accessToken": "canary"}, expires_in=timedelta(hours=1)),
    ],
)
def test_what_carries_secrets_does_not_show_them(carrier: object) -> None:
    assert "canary" not in repr(carrier)


def test_a_draft_is_its_thread_or_the_one_post_it_is() -> None:
    first = ThreadItem(text="One", media=(PNG,))

    assert draft("Hi", PNG).items() == (ThreadItem(text="Hi", media=(PNG,)),)
    assert draft("Hi", PNG, thread=(first,)).items() == (first,)


RULES: Final = MediaRules(
    at_most=2,
    at_least=1,
    image_types=frozenset({"image/png"}),
    image_bytes=10,
    video_types=frozenset({"video/mp4"}),
    video_bytes=100,
    image_frame=Frame(at_most=(20, 20)),
    video_seconds=(0.5, 60),
    video_frame=Frame(at_most=(640, 640)),
    video_fps=(1, 60),
    video_codecs=frozenset({"h264"}),
    audio_codecs=frozenset({"aac"}),
    alt_text=5,
)
WITH_GIFS: Final = replace(
    RULES,
    image_types=frozenset({"image/png", "image/gif"}),
    gif_bytes=20,
    gif_frame=Frame(at_most=(5, 5)),
)
GIF: Final = replace(PNG, type="image/gif")
MP4: Final = replace(PNG, type="video/mp4", bytes=100, filename="a.mp4")


def test_how_much_a_file_may_have_depends_on_its_kind() -> None:
    kinds = [PNG, MP4, GIF]

    assert [RULES.limit_of(kind) for kind in kinds] == [10, 100, None]
    assert [WITH_GIFS.limit_of(kind) for kind in kinds] == [10, 100, 20]
    assert [kind.is_video for kind in kinds] == [False, True, False]
    assert [kind.is_gif for kind in kinds] == [False, False, True]


def test_so_does_the_size_a_picture_may_have() -> None:
    kinds = [PNG, MP4, GIF]

    image = Frame(at_most=(20, 20))
    assert [RULES.frame_of(kind) for kind in kinds] == [image, Frame(at_most=(640, 640)), image]
    small = Frame(at_most=(5, 5))
    assert [WITH_GIFS.frame_of(kind) for kind in kinds] == [image, RULES.video_frame, small]


class Strict(Scripted):
    spec = replace(Scripted.spec, media=RULES)


def problem(code: str, limit: int | None = None, actual: int | None = None, **more: Any) -> Problem:
    return Problem(
        **{"field": "media", "code": code, "message": "", **more}, limit=limit, actual=actual
    )


@pytest.mark.parametrize(
    ("asked", "problems"),
    [
        (draft("1234567890", PNG, MP4), []),
        (draft("12345678901", PNG), [problem("CONTENT_TOO_LONG", 10, 11, field="content")]),
        (draft("Hi"), [problem("MEDIA_REQUIRED", 1, 0)]),
        (draft("Hi", PNG, PNG, PNG), [problem("TOO_MANY_MEDIA", 2, 3)]),
        (draft("Hi", GIF), [problem("MEDIA_TYPE_NOT_SUPPORTED")]),
        (draft("Hi", replace(PNG, bytes=11)), [problem("MEDIA_TOO_LARGE", 10, 11)]),
        (draft("Hi", replace(PNG, width=20, height=20)), []),
        (
            draft("Hi", replace(PNG, width=21, height=20)),
            [problem("MEDIA_DIMENSIONS_NOT_SUPPORTED")],
        ),
        (draft("Hi", replace(PNG, width=0, height=20)), []),
        (draft("Hi", replace(MP4, width=99, height=99, seconds=60), replace(PNG, seconds=99)), []),
        (draft("Hi", replace(MP4, seconds=0.4)), [problem("MEDIA_DURATION_NOT_SUPPORTED")]),
        (draft("Hi", replace(MP4, seconds=60.1)), [problem("MEDIA_DURATION_NOT_SUPPORTED")]),
        (
            draft("Hi", replace(MP4, fps=61, video_codec="vp9", audio_codec="opus")),
            [
                problem("MEDIA_FRAME_RATE_NOT_SUPPORTED"),
                problem("MEDIA_CODEC_NOT_SUPPORTED"),
                problem("MEDIA_CODEC_NOT_SUPPORTED"),
            ],
        ),
        (draft("Hi", replace(MP4, fps=60, video_codec="h264", audio_codec="aac")), []),
        (
            draft("Hi", replace(MP4, width=641, height=2)),
            [problem("MEDIA_DIMENSIONS_NOT_SUPPORTED")],
        ),
        (draft("Hi", replace(PNG, alt="123456")), [problem("ALT_TEXT_TOO_LONG", 5, 6)]),
        (
            draft("12345678901", replace(MP4, bytes=101, alt="123456")),
            [
                problem("CONTENT_TOO_LONG", 10, 11, field="content"),
                problem("MEDIA_TOO_LARGE", 100, 101),
                problem("ALT_TEXT_TOO_LONG", 5, 6),
            ],
        ),
    ],
)
def test_every_broken_rule_is_found_with_limit_and_value(
    asked: Draft, problems: list[Problem]
) -> None:
    found = Strict().check(asked)

    assert [replace(each, message="") for each in found] == problems
    assert all(each.message.startswith("Scripted ") for each in found)


def test_a_gif_may_have_so_many_frames() -> None:
    spec = replace(Strict.spec, media=replace(WITH_GIFS, gif_frames=350))
    gif = replace(GIF, frames=351)

    assert list(file_problems(spec, replace(gif, frames=350), "media")) == []
    assert list(file_problems(spec, gif, "media")) == [
        problem("TOO_MANY_FRAMES", 350, 351, message="Scripted takes 350 frames; a.png has 351")
    ]


def test_in_a_thread_each_problem_names_its_item() -> None:
    thread = (
        ThreadItem(text="fine", media=(PNG,)),
        ThreadItem(text="far too long", media=()),
    )

    found = Strict().check(draft("not looked at, however long", thread=thread))

    assert [(each.field, each.code) for each in found] == [
        ("threadPosts[1].content", "CONTENT_TOO_LONG"),
        ("threadPosts[1].mediaIds", "MEDIA_REQUIRED"),
    ]


def test_an_account_shows_nothing_but_public_facts() -> None:
    assert set(Account.__slots__) == {"native_id", "username", "server"}
