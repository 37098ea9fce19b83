"""X's side of the conversation, and how a lost post is found again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversation import converse, ok
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Account, Call, Effect, Found, Identity, Published, Wait
from oncue.connectors.spec import MB, Draft, Media, Problem, ThreadItem
from oncue.connectors.twitter import Twitter

ACCOUNT = Account(native_id="42", username="maria")
BEGUN = datetime(2026, 11, 22, 9, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 10, 0, 1, 500900, tzinfo=UTC)
PROBLEMS = "https://api.x.com/2/problems/"


def file(n: int = 1, type_: str = "image/jpeg", **facts: Any) -> Media:
    usual = {"bytes": 9, "sha256": "0f", "filename": f"{n}.bin"}
    return Media(**{"id": f"med_{n}", "type": type_, **usual, **facts})


PHOTO, GIF = file(1), file(2, "image/gif")


def draft(text: str = "Hello", *media: Media, thread: tuple[ThreadItem, ...] = ()) -> Draft:
    return Draft(text=text, key="dst_1", begun_at=BEGUN, media=media, thread=thread)


def tweet(name: str = "post", **body: Any) -> Call:
    return Call("POST", "/2/tweets", json=body, effect=Effect.FIND, name=name)


def upload(media: Media, category: str = "tweet_image") -> Call:
    form = {"media_category": category}
    return Call("POST", "/2/media/upload", form=form, files={"media": media})


def status(media_id: str) -> Call:
    return Call("GET", "/2/media/upload", query={"command": "STATUS", "media_id": media_id})


def created(n: int) -> Reply:
    return ok({"data": {"id": str(n), "text": "as X shows it"}}, 201)


def uploaded(n: int, **processing: Any) -> Reply:
    return ok({"data": {"id": str(n), **({"processing_info": processing} if processing else {})}})


def test_a_post_is_one_call() -> None:
    asked, post = converse(Twitter().publish(draft("Hello"), ACCOUNT), [created(7)])

    assert asked == [tweet(text="Hello")]
    assert post == Published(id="7", url="https://x.com/maria/status/7")


def test_a_post_of_an_account_without_a_name_has_a_link_too() -> None:
    _, post = converse(Twitter().publish(draft(), Account(native_id="42")), [created(7)])

    assert post.url == "https://x.com/i/status/7"


def test_a_thread_is_a_chain_of_replies_and_is_known_by_its_first_post() -> None:
    items = (
        ThreadItem(text="one"),
        ThreadItem(text="two", media=[PHOTO]),
        ThreadItem(text="three"),
    )

    asked, post = converse(
        Twitter().publish(draft(thread=items), ACCOUNT),
        [created(1), uploaded(90), created(2), created(3)],
    )

    assert asked == [
        tweet("item 1", text="one"),
        upload(PHOTO),
        tweet(
            "item 2",
            text="two",
            media={"media_ids": ["90"]},
            reply={"in_reply_to_tweet_id": "1"},
        ),
        tweet("item 3", text="three", reply={"in_reply_to_tweet_id": "2"}),
    ]
    assert post.id == "1"


def test_images_are_uploaded_and_described_before_the_post_that_shows_them() -> None:
    cat = file(1, alt="A cat")

    asked, _ = converse(
        Twitter().publish(draft("", cat, file(3)), ACCOUNT),
        [uploaded(90), ok({"data": {"id": "90"}}), uploaded(91), created(7)],
    )

    assert asked == [
        upload(cat),
        Call(
            "POST",
            "/2/media/metadata",
            json={"id": "90", "metadata": {"alt_text": {"text": "A cat"}}},
        ),
        upload(file(3)),
        tweet(media={"media_ids": ["90", "91"]}),
    ]


def test_a_gif_is_waited_for_as_long_as_x_says() -> None:
    asked, _ = converse(
        Twitter().publish(draft("", GIF), ACCOUNT),
        [
            uploaded(90, state="pending", check_after_secs=2),
            ok(None),
            uploaded(90, state="in_progress", check_after_secs=900),
            ok(None),
            uploaded(90, state="in_progress"),
            ok(None),
            uploaded(90, state="succeeded"),
            created(7),
        ],
    )

    assert asked == [
        upload(GIF, "tweet_gif"),
        *(Wait(2), status("90"), Wait(60), status("90"), Wait(5), status("90")),
        tweet(media={"media_ids": ["90"]}),
    ]


def test_a_file_x_cannot_process_is_refused_before_anything_is_public() -> None:
    with pytest.raises(Refused, match=r"could not process 2\.bin") as refused:
        converse(Twitter().publish(draft("", GIF), ACCOUNT), [uploaded(90, state="failed")])

    assert refused.value.meaning is Refusal.REJECTED


def test_a_file_x_never_gets_done_with_is_tried_later() -> None:
    steps = Twitter().publish(draft("", GIF), ACCOUNT)
    busy = uploaded(90, state="in_progress")

    with pytest.raises(Refused, match="still processing") as refused:
        converse(steps, [*([busy, ok(None)] * 30), busy])

    assert refused.value.meaning is Refusal.TRY_LATER


def test_an_answer_without_an_id_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        converse(Twitter().publish(draft(), ACCOUNT), [ok({"data": {}}, 201)])


def test_the_credentials_tell_whose_they_are() -> None:
    me = {"data": {"id": "42", "username": "maria", "name": "Maria"}}

    asked, identity = converse(Twitter().identify(ACCOUNT), [ok(me)])

    assert asked == [Call("GET", "/2/users/me")]
    assert identity == Identity(native_id="42", username="maria", display_name="Maria")


@pytest.mark.parametrize(
    "answer", [ok({"data": {"deleted": True}}), Refused("no", code="resource-not-found")]
)
def test_a_post_is_deleted_also_when_it_is_gone_already(answer: Reply | Refused) -> None:
    asked, _ = converse(Twitter().delete("7", ACCOUNT), [answer])

    assert asked == [Call("DELETE", "/2/tweets/7")]


def test_a_deletion_x_forbids_is_refused() -> None:
    with pytest.raises(Refused, match="not yours"):
        converse(Twitter().delete("7", ACCOUNT), [Refused("not yours")])


LISTED = {
    "id": "7",
    "text": "Tea &amp; cake at https://t.co/aaa https://t.co/mmm",
    "created_at": "2026-11-22T10:00:02.000Z",
    "entities": {
        "urls": [
            {"url": "https://t.co/aaa", "expanded_url": "http://example.com"},
            {"url": "https://t.co/mmm", "expanded_url": "https://x.com/m/status/7/photo/1"},
        ]
    },
    "attachments": {"media_keys": ["3_90"]},
    "referenced_tweets": [{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "6"}],
}
WANTED = {
    "text": "Tea & cake at example.com",
    "media": {"media_ids": ["90"]},
    "reply": {"in_reply_to_tweet_id": "6"},
}


def look_up(body: dict[str, Any], *pages: Reply) -> tuple[list[Call | Wait], list[Found]]:
    asked, found = converse(Twitter().find(tweet(**body), ACCOUNT, SINCE), pages)
    return asked, list(found)


def listing(*tweets: dict[str, Any], **meta: Any) -> Reply:
    return ok({"data": list(tweets), "meta": {"result_count": len(tweets), **meta}})


def test_a_lost_post_is_found_as_x_shows_it() -> None:
    asked, found = look_up(WANTED, listing({"id": "8", "text": "Another"}, LISTED))

    assert asked == [
        Call(
            "GET",
            "/2/users/42/tweets",
            query={
                "start_time": "2026-11-22T10:00:01Z",
                "max_results": "100",
                "tweet.fields": "created_at,entities,referenced_tweets,attachments",
            },
        )
    ]
    assert found == [Found(id="7", reply=ok({"data": {"id": "7", "text": LISTED["text"]}}, 201))]


def test_the_newer_name_of_the_parent_is_read_too() -> None:
    renamed = {**LISTED, "referenced_posts": LISTED["referenced_tweets"], "referenced_tweets": None}

    assert [each.id for each in look_up(WANTED, listing(renamed))[1]] == ["7"]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Tea and cake at https://t.co/aaa https://t.co/mmm"},
        {"referenced_tweets": [{"type": "replied_to", "id": "5"}]},
        {"referenced_tweets": [{"type": "quoted", "id": "6"}]},
        {"attachments": {"media_keys": ["3_90", "3_91"]}},
        {"attachments": {}},
    ],
)
def test_another_text_parent_or_number_of_files_is_another_post(change: dict[str, Any]) -> None:
    assert look_up(WANTED, listing({**LISTED, **change}))[1] == []


def test_every_page_is_looked_through() -> None:
    plain = {"id": "7", "text": "Hello"}

    asked, found = look_up(
        {"text": "Hello"}, listing(plain, next_token="p2"), listing({**plain, "id": "8"})
    )

    assert [each.id for each in found] == ["7", "8"]
    assert [call.query.get("pagination_token") for call in asked if isinstance(call, Call)] == [
        None,
        "p2",
    ]


def test_no_posts_at_all_is_an_answer() -> None:
    assert look_up(WANTED, ok({"meta": {"result_count": 0}}))[1] == []


@pytest.mark.parametrize("body", [{"errors": [{"title": "Not Found Error"}]}, {}, None])
def test_a_listing_that_does_not_list_is_no_answer(body: Any) -> None:
    with pytest.raises(Unreadable):
        look_up(WANTED, ok(body))


def problem(status_: int, detail: str, kind: str = "about:blank", **headers: str) -> Reply:
    body = {"type": kind, "title": "A title", "detail": detail, "status": status_}
    return Reply(status_, body, headers)


def judged(reply: Reply) -> Refused:
    with pytest.raises(Refused) as refused:
        Twitter().judge(reply)
    return refused.value


@pytest.mark.parametrize(
    ("reply", "meaning", "code"),
    [
        (problem(400, "Bad", PROBLEMS + "invalid-request"), Refusal.REJECTED, "invalid-request"),
        (problem(401, "Unauthorized"), Refusal.EXPIRED, None),
        (
            problem(403, "You are not allowed to create a Tweet with duplicate content."),
            Refusal.DUPLICATE,
            None,
        ),
        (
            problem(403, "No.", PROBLEMS + "client-forbidden"),
            Refusal.REJECTED,
            "client-forbidden",
        ),
        (
            problem(403, "No.", PROBLEMS + "not-authorized-for-resource"),
            Refusal.REJECTED,
            "not-authorized-for-resource",
        ),
        (problem(404, "Not found"), Refusal.REJECTED, "resource-not-found"),
        (problem(429, "Too Many Requests"), Refusal.RATE_LIMITED, None),
        (problem(429, "Cap", PROBLEMS + "usage-capped"), Refusal.REJECTED, "usage-capped"),
        (problem(503, "Over capacity"), Refusal.TRY_LATER, None),
    ],
)
def test_a_no_of_x_has_a_meaning(reply: Reply, meaning: Refusal, code: str | None) -> None:
    refused = judged(reply)

    assert (refused.meaning, refused.code) == (meaning, code)


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_server_error_says_nothing_about_the_post(code: int) -> None:
    with pytest.raises(Unclear):
        Twitter().judge(problem(code, "Internal error"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"title": "A", "detail": "B"}, "B"),
        ({"detail": "B", "errors": [{"message": "C"}, {"message": "C"}, "?"]}, "B: C"),
        ({"errors": [{"code": 88, "message": "Slow down"}]}, "Slow down"),
        ({"title": "A"}, "A"),
        ({}, "X answered with status 400"),
        ("<html>", "X answered with status 400"),
        ({"detail": "x" * 9000}, "x" * 500),
    ],
)
def test_the_words_of_a_no_are_those_of_x(body: Any, words: str) -> None:
    assert str(judged(Reply(400, body))) == words


def test_a_used_up_plan_is_told_in_clear_words() -> None:
    refused = judged(problem(429, "Usage cap exceeded", PROBLEMS + "usage-capped"))

    assert "used up" in str(refused)
    assert "Usage cap exceeded" in str(refused)


DATE = "Sun, 22 Nov 2026 10:00:00 GMT"
IN_90_SECONDS = str(int(datetime(2026, 11, 22, 10, 1, 30, tzinfo=UTC).timestamp()))
IN_A_DAY = str(int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7", "date": DATE, "x-rate-limit-reset": IN_90_SECONDS}, 7),
        ({"date": DATE, "x-rate-limit-reset": IN_90_SECONDS}, 90),
        ({"date": DATE, "x-rate-limit-reset": "1"}, 0),
        (
            {
                "date": DATE,
                "x-rate-limit-remaining": "12",
                "x-rate-limit-reset": IN_90_SECONDS,
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": IN_A_DAY,
            },
            86_400,
        ),
        ({"x-rate-limit-reset": IN_90_SECONDS}, None),
        ({"date": DATE, "x-rate-limit-reset": "soon"}, None),
        ({"date": DATE}, None),
        ({}, None),
    ],
)
def test_x_says_when_its_limit_ends(headers: dict[str, str], seconds: int | None) -> None:
    refused = judged(problem(429, "Too Many Requests", **headers))

    assert refused.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def codes(draft_: Draft) -> list[tuple[str, str]]:
    return [(problem_.field, problem_.code) for problem_ in Twitter().check(draft_)]


@pytest.mark.parametrize(
    "fine",
    [
        draft("x" * 280),
        draft("今" * 140),
        draft("https://example.com/" + "x" * 300),
        draft("$TWTR", *[file(n) for n in range(4)]),
        draft("", file(2, "image/gif", bytes=15 * MB)),
        draft("", file(2, "image/webp", bytes=5 * MB, alt="x" * 1000)),
        draft(thread=tuple(ThreadItem(text=f"{n} $TWTR") for n in range(25))),
    ],
    ids=range(7),
)
def test_what_x_takes_has_no_problem(fine: Draft) -> None:
    assert Twitter().check(fine) == []


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        (draft("x" * 281), [("content", "CONTENT_TOO_LONG")]),
        (draft("今" * 141), [("content", "CONTENT_TOO_LONG")]),
        (draft("a\uffff"), [("content", "INVALID_CHARACTERS")]),
        (draft("", *[file(n) for n in range(5)]), [("media", "TOO_MANY_MEDIA")]),
        (draft("", PHOTO, GIF), [("media", "MEDIA_MIX_NOT_SUPPORTED")]),
        (draft("", GIF, GIF), [("media", "MEDIA_MIX_NOT_SUPPORTED")]),
        (draft("", file(1, "video/mp4")), [("media", "MEDIA_TYPE_NOT_SUPPORTED")]),
        (draft("", file(1, bytes=5 * MB + 1)), [("media", "MEDIA_TOO_LARGE")]),
        (draft("", file(1, "image/gif", bytes=15 * MB + 1)), [("media", "MEDIA_TOO_LARGE")]),
        (draft("", file(1, alt="x" * 1001)), [("media", "ALT_TEXT_TOO_LONG")]),
    ],
    ids=range(10),
)
def test_what_x_does_not_take_has_a_problem(wrong: Draft, problems: list[tuple[str, str]]) -> None:
    assert codes(wrong) == problems


def test_a_second_cashtag_is_a_problem_of_its_own_item() -> None:
    items = (ThreadItem(text="$TWTR"), ThreadItem(text="$A or $B", media=[PHOTO, GIF]))

    assert Twitter().check(draft(thread=items)) == [
        Problem(
            field="threadPosts[1].content",
            code="TOO_MANY_CASHTAGS",
            message="X takes 1 cashtag in a post; this has 2",
            limit=1,
            actual=2,
        ),
        Problem(
            field="threadPosts[1].mediaIds",
            code="MEDIA_MIX_NOT_SUPPORTED",
            message="X takes up to 4 photos or one GIF, not both",
        ),
    ]
