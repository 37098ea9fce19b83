"""Mastodon's side of the conversation, how it counts, and how a lost status is found again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversation import converse, ok
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Account, Call, Effect, Found, Identity, Published, Wait
from oncue.connectors.mastodon import Mastodon, comparable, countable, written
from oncue.connectors.spec import MB, Draft, Media, Problem
from oncue.sandbox.mastodon_views import length, rendered

ACCOUNT = Account(native_id="42", username="maria", server="https://social.test")
BEGUN = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 9, 0, 1, 500900, tzinfo=UTC)
LINK = "https://example.com/a/very/long/path/that/mastodon/shortens?with=things&more=(yes)"


def photo(n: int = 1, **facts: Any) -> Media:
    usual = {"type": "image/jpeg", "bytes": 9, "sha256": "0f", "filename": f"{n}.jpg"}
    return Media(**{"id": f"med_{n}", **usual, **facts})


GIF = photo(7, type="image/gif")
VIDEO = photo(8, type="video/mp4", filename="8.mp4")


def draft(text: str = "Hello", *media: Media, **options: Any) -> Draft:
    return Draft(text=text, key="dst_1", begun_at=BEGUN, media=media, options=options)


def post(body: dict[str, Any], key: str = "dst_1-1795338000123") -> Call:
    return Call(
        "POST",
        "/api/v1/statuses",
        json=body,
        headers={"Idempotency-Key": key},
        effect=Effect.KEYED,
        name="post",
        key_lives=timedelta(hours=1),
    )


def status(n: int, content: str, at: str = "09:00:02", files: int = 0) -> dict[str, Any]:
    return {
        "id": str(n),
        "url": f"https://social.test/@maria/{n}",
        "created_at": f"2026-11-22T{at}.000Z",
        "content": content,
        "media_attachments": [{"id": str(file)} for file in range(files)],
    }


CREATED = ok(status(1, "<p>Hello</p>"))


# Publishing


def test_a_text_is_one_keyed_call() -> None:
    asked, published = converse(Mastodon().publish(draft(), ACCOUNT), [CREATED])

    assert published == Published(id="1", url="https://social.test/@maria/1")
    assert asked == [post({"status": "Hello"})]


def test_a_fresh_journal_has_its_own_key_and_a_resumed_one_the_same() -> None:
    later = Draft(text="Hello", key="dst_1", begun_at=BEGUN + timedelta(minutes=2))

    [first] = converse(Mastodon().publish(draft(), ACCOUNT), [CREATED])[0]
    [resumed] = converse(Mastodon().publish(draft(), ACCOUNT), [CREATED])[0]
    [fresh] = converse(Mastodon().publish(later, ACCOUNT), [CREATED])[0]

    assert first == resumed
    assert first != fresh == post({"status": "Hello"}, key="dst_1-1795338120123")


def test_images_are_sent_first_with_their_descriptions() -> None:
    described, silent = photo(1, alt="A cat"), photo(2)

    asked, _ = converse(
        Mastodon().publish(draft("Look", described, silent), ACCOUNT),
        [ok({"id": "m1"}), ok({"id": "m2"}), CREATED],
    )

    assert asked == [
        Call("POST", "/api/v2/media", form={"description": "A cat"}, files={"file": described}),
        Call("POST", "/api/v2/media", form={}, files={"file": silent}),
        post({"status": "Look", "media_ids": ["m1", "m2"]}),
    ]


def test_media_speak_for_themselves() -> None:
    asked, _ = converse(
        Mastodon().publish(draft("", photo()), ACCOUNT), [ok({"id": "m1"}), CREATED]
    )

    assert asked[-1] == post({"media_ids": ["m1"]})


def test_a_video_is_waited_for() -> None:
    nothing, busy, done = ok(None), ok({"id": "m1"}, 206), ok({"id": "m1"})

    asked, _ = converse(
        Mastodon().publish(draft("Look", VIDEO), ACCOUNT),
        [ok({"id": "m1", "url": None}, 202), nothing, busy, nothing, done, CREATED],
    )

    poll = Call("GET", "/api/v1/media/m1")
    assert asked[1:] == [
        Wait(2),
        poll,
        Wait(2),
        poll,
        post({"status": "Look", "media_ids": ["m1"]}),
    ]


def test_a_video_that_is_never_ready_is_tried_again_later_and_nothing_is_posted() -> None:
    busy = ok({"id": "m1", "url": None}, 206)
    waited: list[int] = []

    def step_by_step() -> None:
        steps = Mastodon().publish(draft("Look", VIDEO), ACCOUNT)
        next(steps)
        step = steps.send(ok({"id": "m1", "url": None}, 202))
        while True:
            if isinstance(step, Wait):
                waited.append(step.seconds)
            else:
                assert step == Call("GET", "/api/v1/media/m1")
            step = steps.send(busy)

    with pytest.raises(Refused, match="still processing 8") as refused:
        step_by_step()

    assert refused.value.meaning == Refusal.TRY_LATER
    assert waited == [2, 2, 4, 8, 15, 30]


def test_the_options_become_the_statuses_own() -> None:
    asked, _ = converse(
        Mastodon().publish(
            draft(
                mastodonVisibility="unlisted",
                mastodonSpoilerText="Spiders",
                mastodonSensitive=False,
                mastodonLanguage="en",
                somethingElse="of another network",
            ),
            ACCOUNT,
        ),
        [CREATED],
    )

    assert asked == [
        post(
            {
                "status": "Hello",
                "visibility": "unlisted",
                "spoiler_text": "Spiders",
                "sensitive": False,
                "language": "en",
            }
        )
    ]


def test_a_status_without_an_address_is_published_all_the_same() -> None:
    _, published = converse(Mastodon().publish(draft(), ACCOUNT), [ok({"id": "1", "url": None})])

    assert published == Published(id="1", url=None)


# The account, and taking a status back


def test_the_token_says_whose_it_is() -> None:
    person = {"id": "42", "acct": "maria", "display_name": "Maria M."}

    asked, identity = converse(Mastodon().identify(ACCOUNT), [ok(person)])

    assert identity == Identity(native_id="42", username="maria", display_name="Maria M.")
    assert asked == [Call("GET", "/api/v1/accounts/verify_credentials")]


def test_somebody_without_a_display_name_is_called_by_the_username() -> None:
    person = {"id": "42", "acct": "maria", "display_name": ""}

    _, identity = converse(Mastodon().identify(ACCOUNT), [ok(person)])

    assert identity.display_name == "maria"


def test_a_status_is_deleted_by_its_id() -> None:
    asked, _ = converse(Mastodon().delete("1", ACCOUNT), [CREATED])

    assert asked == [Call("DELETE", "/api/v1/statuses/1")]


def test_a_status_that_is_gone_already_is_as_good_as_deleted() -> None:
    converse(Mastodon().delete("1", ACCOUNT), [judged(404, {"error": "Record not found"})])


def test_another_no_to_a_deletion_is_a_no() -> None:
    with pytest.raises(Refused, match="not allowed"):
        converse(Mastodon().delete("1", ACCOUNT), [judged(403, {"error": "not allowed"})])


# Finding a status whose creation was never answered


def search(*replies: Reply, text: str = "Hello", **asked: Any) -> tuple[list[Any], Any]:
    return converse(Mastodon().find(post({"status": text, **asked}), ACCOUNT, SINCE), replies)


def listing(**more: str) -> Call:
    query = {"limit": "40", "exclude_reblogs": "true", **more}
    return Call("GET", "/api/v1/accounts/42/statuses", query=query)


OLD = status(1, "<p>Hello</p>", at="09:00:01")


def test_only_what_was_made_since_with_this_text_and_as_many_files_is_ours() -> None:
    ours, other, illustrated = (
        status(4, "<p>Hello</p>"),
        status(3, "<p>Hello?</p>"),
        status(2, "<p>Hello</p>", files=1),
    )

    asked, found = search(ok([ours, other, illustrated, OLD]))

    assert asked == [listing()]
    assert found == [Found(id="4", reply=Reply(200, ours))]


def test_files_alone_are_found_by_their_number() -> None:
    ours = status(2, "", files=2)

    _, found = converse(
        Mastodon().find(post({"media_ids": ["m1", "m2"]}), ACCOUNT, SINCE), [ok([ours, OLD])]
    )

    assert [post.id for post in found] == ["2"]


def test_a_warning_without_a_text_became_the_text() -> None:
    _, found = search(ok([status(2, "<p>Spiders</p>"), OLD]), text="", spoiler_text="Spiders")

    assert [post.id for post in found] == ["2"]


def test_a_status_of_the_same_millisecond_counts_as_since() -> None:
    ours = {**status(2, "<p>Hello</p>"), "created_at": "2026-11-22T09:00:01.500Z"}

    _, found = search(ok([ours, OLD]))

    assert [post.id for post in found] == ["2"]


def test_an_account_that_posts_a_lot_is_read_page_by_page() -> None:
    asked, found = search(
        ok([status(9, "<p>Other</p>"), status(8, "<p>Other</p>")]),
        ok([status(7, "<p>Hello</p>"), OLD]),
    )

    assert asked == [listing(), listing(max_id="8")]
    assert [post.id for post in found] == ["7"]


def test_an_account_with_nothing_older_is_read_to_its_end() -> None:
    asked, found = search(ok([status(9, "<p>Other</p>")]), ok([]))

    assert asked == [listing(), listing(max_id="9")]
    assert found == []


def test_a_list_without_end_is_unclear_and_never_a_no() -> None:
    page = ok([status(9, "<p>Other</p>")])

    with pytest.raises(Unclear):
        search(*[page] * 100)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "?"},
        [{"id": "1"}],
        [{**OLD, "created_at": "?"}],
        [{**OLD, "created_at": "2026-11-22T09:00:02"}],
    ],
)
def test_a_list_that_makes_no_sense_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable):
        search(ok(body))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>Hello</p>", "Hello"),
        ("<p>One<br />two<br>three</p><p>four</p>", "One\ntwo\nthree\n\nfour"),
        ("<p>One</p><p>two</p>", "One\r\n\r\n\r\n two".replace(" ", "")),
        ("<p>a &lt;b&gt; &amp;amp; &quot;c&quot; &#39;d&#39;</p>", "a <b> &amp; \"c\" 'd'"),
        (
            (
                '<p>See <a href="https://www.example.com/a/long/way?x=1&amp;y=2" rel="nofollow">'
                '<span class="invisible">https://www.</span>'
                '<span class="ellipsis">example.com/a/long/way?x=1&amp;</span>'
                '<span class="invisible">y=2</span></a>.</p>'
            ),
            "See https://www.example.com/a/long/way?x=1&y=2.",
        ),
        (
            (
                '<p><span class="h-card"><a href="https://other.test/@maria" class="u-url mention">'
                "@<span>maria</span></a></span> hi</p>"
            ),
            "@maria@other.test hi",
        ),
        ("<p>@nobody@other.test hi</p>", "@nobody@other.test hi"),
        (
            (
                '<p><a href="https://social.test/tags/cats" class="mention hashtag" rel="tag">'
                "#<span>Cats</span></a></p>"
            ),
            "#Cats",
        ),
        ("<p>Blanks</p>", "  Blanks \n"),
        ("", ""),
    ],
)
def test_a_statuses_html_is_read_as_the_text_it_was_written_as(content: str, text: str) -> None:
    assert written(content) == comparable(text)


WORDS = st.sampled_from(
    [
        *[
            "Hello",
            "<p>",
            "&amp;",
            "&",
            '"x"',
            "#tag",
            "#1",
            "@maria",
            "@maria@other.test",
            "👩‍👩‍👧",
        ],
        *[LINK, f"({LINK})", "https://example.org.", "http://example.org/wiki/Cat_(animal)"],
        *["a@b.example", "https://social.test/@maria@other.test", "…", "ñ", "é", "é"],
    ]
)
BLANKS = st.sampled_from([" ", "  ", "\n", "\n\n", "\n\n\n\n", "\r\n", " \n"])
TEXTS = st.lists(st.tuples(WORDS, BLANKS)).map(lambda parts: "".join(w + b for w, b in parts))


@given(TEXTS | st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=60))
@example(f"{LINK}\n\n\n@maria@other.test")
def test_whatever_was_written_is_recognised_in_the_html(text: str) -> None:
    assert written(rendered(text.strip(), "https://social.test")) == comparable(text)


# Counting and checking


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", 0),
        ("Hello", 5),
        ("  Hello\n", 5),
        ("👩‍👩‍👧‍👦", 1),
        ("é", 1),
        ("日本語", 3),
        ("https://x.org", 23),
        (LINK, 23),
        (f"({LINK}).", 26),
        (f"{LINK} and {LINK}", 51),
        ("http://example.org", 23),
        ("example.org/without/scheme", 26),
        ("@maria", 6),
        ("@maria@social.example.org", 6),
        ("Hi @maria@social.example.org!", 10),
        ("maria@example.org", 17),
        ("https://social.test/@maria@other.test", 23),
    ],
)
def test_text_is_counted_as_mastodon_counts_it(text: str, counted: int) -> None:
    assert countable(text) == counted
    assert length("", text.strip()) == counted


@given(TEXTS)
def test_the_sandbox_counts_alike(text: str) -> None:
    assert countable(text) == length("", text.strip())


def test_five_hundred_characters_pass_and_one_more_does_not() -> None:
    full = f"{'x' * 476} {LINK}"

    assert Mastodon().check(draft(full)) == []
    assert Mastodon().check(draft(f"x{full}")) == [
        Problem(
            field="content",
            code="CONTENT_TOO_LONG",
            message="Mastodon takes 500 characters; this has 501",
            limit=500,
            actual=501,
        )
    ]


def test_a_content_warning_takes_part_of_the_room() -> None:
    assert Mastodon().check(draft("x" * 493, mastodonSpoilerText="Spiders")) == []
    [problem] = Mastodon().check(draft("x" * 501, mastodonSpoilerText="Spiders"))
    assert (problem.code, problem.actual) == ("CONTENT_TOO_LONG", 508)


@pytest.mark.parametrize(
    ("media", "codes"),
    [
        ([photo(n) for n in range(4)], []),
        ([photo(n) for n in range(5)], ["TOO_MANY_MEDIA"]),
        ([VIDEO], []),
        ([GIF], []),
        ([photo(), VIDEO], ["MEDIA_MIX_NOT_SUPPORTED"]),
        ([GIF, GIF], ["MEDIA_MIX_NOT_SUPPORTED"]),
        ([photo(type="image/tiff")], ["MEDIA_TYPE_NOT_SUPPORTED"]),
        ([photo(bytes=16 * MB)], []),
        ([photo(bytes=16 * MB + 1)], ["MEDIA_TOO_LARGE"]),
        ([photo(type="video/mp4", bytes=99 * MB + 1)], ["MEDIA_TOO_LARGE"]),
        ([photo(alt="x" * 1500)], []),
        ([photo(alt="x" * 1501)], ["ALT_TEXT_TOO_LONG"]),
    ],
)
def test_media_are_four_images_or_one_gif_or_one_video(
    media: list[Media], codes: list[str]
) -> None:
    assert [problem.code for problem in Mastodon().check(draft("", *media))] == codes


def test_an_account_brings_its_server_and_a_token() -> None:
    spec = Mastodon.spec

    assert (spec.own_server, spec.base_url, spec.default_server) == (True, "", "")
    assert tuple(spec.credentials) == ("accessToken",)


# What a no means


def judged(code: int, body: Any = None, **headers: str) -> Refused:
    with pytest.raises(Refused) as refused:
        Mastodon().judge(Reply(code, body, headers))
    return refused.value


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (401, Refusal.RECONNECT),
        (403, Refusal.REJECTED),
        (404, Refusal.REJECTED),
        (410, Refusal.REJECTED),
        (422, Refusal.REJECTED),
        (429, Refusal.RATE_LIMITED),
        (503, Refusal.TRY_LATER),
    ],
)
def test_what_a_no_means_for_us(code: int, meaning: Refusal) -> None:
    assert judged(code, {"error": "No"}).meaning == meaning


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"error": "Internal Server Error"}),
        Reply(502, "<html>Bad gateway</html>"),
        Reply(504),
        Reply(302),
        Reply(200, "<html>Hello from a proxy</html>"),
    ],
)
def test_after_some_answers_nobody_knows(reply: Reply) -> None:
    with pytest.raises(Unclear):
        Mastodon().judge(reply)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Validation failed"}, "Validation failed"),
        ({"error": "invalid_grant", "error_description": "Revoked."}, "invalid_grant: Revoked."),
        ({"error": "x" * 5000}, "x" * 300),
        ({}, "Mastodon answered with status 422"),
        ("<html>", "Mastodon answered with status 422"),
    ],
)
def test_the_servers_words_are_passed_on(body: Any, words: str) -> None:
    assert str(judged(422, body)) == words


DATE = "Sun, 22 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"date": DATE, "x-ratelimit-reset": "2026-11-22T09:05:00.000000Z"}, timedelta(minutes=5)),
        ({"date": DATE, "x-ratelimit-reset": "2026-11-22T08:59:00Z"}, timedelta(0)),
        ({"date": DATE, "x-ratelimit-reset": "2026-11-22T09:05:00"}, None),
        ({"date": DATE, "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "2026-11-22T09:05:00Z"}, None),
    ],
)
def test_how_long_to_wait_is_told_by_the_servers_own_clock(
    headers: dict[str, str], wait: timedelta | None
) -> None:
    assert judged(429, {"error": "Too many requests"}, **headers).retry_after == wait
