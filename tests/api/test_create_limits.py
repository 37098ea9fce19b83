"""POST /v1/posts: every limit, held on both sides; network limits bind what is to go out."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from api.answers import Problem, invalid, problem, rows, too_long
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio

SOON = "2026-11-22T13:00:00Z"


def thread(*sequences: int) -> dict[str, Any]:
    return {"threadPosts": [{"sequence": number, "content": "x"} for number in sequences]}


def item(**fields: object) -> dict[str, Any]:
    return {"threadPosts": [{"sequence": 1, "content": "x"} | fields]}


def override(content: str) -> dict[str, Any]:
    return {"platformOverrides": {"TWITTER": {"content": content}}}


# What is just within a limit, what is just beyond it, and how that is said.
LIMITS: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any], Problem]]] = {
    "V19 content": (
        {"content": "x" * 10_000},
        {"content": "x" * 10_001},
        too_long("content", 10_000),
    ),
    "V33 threadPosts": (
        thread(*range(1, 26)),
        thread(*range(1, 27)),
        invalid("threadPosts", limit=25, actual=26),
    ),
    "V36 firstComment": (
        {"firstComment": "x" * 2_200},
        {"firstComment": "x" * 2_201},
        too_long("firstComment", 2_200),
    ),
    "V38 firstCommentDelay": (
        {"firstCommentDelay": 60},
        {"firstCommentDelay": 61},
        invalid("firstCommentDelay", limit=60),
    ),
    "V38 firstCommentDelay, below": (
        {"firstCommentDelay": 0},
        {"firstCommentDelay": -1},
        invalid("firstCommentDelay", limit=0),
    ),
    "V103 platformOverrides": (
        override("x" * 10_000),
        override("x" * 10_001),
        too_long("platformOverrides.TWITTER.content", 10_000),
    ),
    "V109 mediaIds": (
        item(mediaIds=[]),
        item(mediaIds=["media_01jyjv4z1xfay8vvr14d2pf2db"] * 5),
        invalid("threadPosts[0].mediaIds", limit=4, actual=5),
    ),
    "V43 a key of metadata": (
        {"metadata": {"k" * 100: 1}},
        {"metadata": {"k" * 101: 1}},
        (422, "VALIDATION_ERROR", {"field": "metadata", "maxLength": 100, "actualLength": 101}),
    ),
    "V44 a string in metadata": (
        {"metadata": {"k": "x" * 1_000}},
        {"metadata": {"k": "x" * 1_001}},
        (
            422,
            "VALIDATION_ERROR",
            {"field": "metadata.k", "maxLength": 1_000, "actualLength": 1_001},
        ),
    ),
    "V45 items of an array in metadata": (
        {"metadata": {"k": [1] * 100}},
        {"metadata": {"k": [1] * 101}},
        (422, "VALIDATION_ERROR", {"field": "metadata.k", "limit": 100, "actual": 101}),
    ),
    "V46 an item of an array in metadata": (
        {"metadata": {"k": ["x" * 200]}},
        {"metadata": {"k": ["x", "x" * 201]}},
        (
            422,
            "VALIDATION_ERROR",
            {"field": "metadata.k[1]", "maxLength": 200, "actualLength": 201},
        ),
    ),
}


@statements("V19", "V33", "V36", "V38", "V43", "V44", "V45", "V46", "V103", "V109")
async def test_every_limit_is_where_the_document_puts_it(installation: Installation) -> None:
    body = {"content": "Hello", "accountIds": [installation.account("TWITTER")]}

    taken = {
        name: (await installation.api.post("/v1/posts", json=body | within)).status_code
        for name, (within, _, _) in LIMITS.items()
    }
    before = await rows(installation)
    refused = {
        name: problem(await installation.api.post("/v1/posts", json=body | beyond))
        for name, (_, beyond, _) in LIMITS.items()
    }

    assert taken == dict.fromkeys(LIMITS, 201)
    assert refused == {name: refusal for name, (_, _, refusal) in LIMITS.items()}
    assert await rows(installation) == before


@statements("V19", "V103")
async def test_a_character_is_a_code_point_whatever_it_weighs(installation: Installation) -> None:
    post = await installation.create("MASTODON", content="🎉" * 10_000)

    assert post["content"] == "🎉" * 10_000


@statements("V35")
async def test_a_threads_sequence_counts_from_one_without_gaps(installation: Installation) -> None:
    body = {"content": "x", "accountIds": [installation.account("TWITTER")]}
    wrong = [(0, 1), (2,), (1, 3), (1, 1), (1, 2, 2), (-1, 1)]

    refused = [
        problem(await installation.api.post("/v1/posts", json=body | thread(*sequences)))
        for sequences in wrong
    ]

    assert refused == [invalid("threadPosts")] * len(wrong)


@statements("V34", "V87")
async def test_a_thread_is_kept_in_the_order_of_its_sequence(installation: Installation) -> None:
    items = [{"sequence": 2, "content": "second"}, {"sequence": 1, "content": "first"}]

    post = await installation.create("TWITTER", threadPosts=items)

    assert post["threadPosts"] == [
        {"sequence": 1, "content": "first", "mediaIds": []},
        {"sequence": 2, "content": "second", "mediaIds": []},
    ]
    assert post["contentType"] == "THREAD"


@statements("V106")
async def test_a_thread_needs_an_account_on_x(installation: Installation) -> None:
    body = {"content": "x", "accountIds": [installation.account("MASTODON")]}

    threaded = await installation.api.post("/v1/posts", json=body | thread(1))
    hinted = await installation.api.post("/v1/posts", json=body | {"contentType": "THREAD"})

    assert problem(threaded) == problem(hinted) == invalid("contentType")


@statements("V106")
async def test_thread_posts_belong_to_the_content_type_thread(installation: Installation) -> None:
    body = {"content": "x", "accountIds": [installation.account("TWITTER")], "contentType": "TEXT"}

    answer = await installation.api.post("/v1/posts", json=body | thread(1))

    assert problem(answer) == invalid("threadPosts")


# What breaks a network's rule, and how it is said once it matters.
NETWORK_LIMITS: Final[Mapping[str, tuple[str, dict[str, Any], Problem]]] = {
    "content": (
        "TWITTER",
        {"content": "x" * 281},
        too_long("content", 280, code="CONTENT_TOO_LONG", platform="TWITTER"),
    ),
    "V108 an item of a thread": (
        "TWITTER",
        {"threadPosts": [{"sequence": 1, "content": "x" * 281}]},
        too_long("threadPosts[0].content", 280, code="CONTENT_TOO_LONG", platform="TWITTER"),
    ),
    "an override": (
        "MASTODON",
        {"platformOverrides": {"MASTODON": {"content": "x" * 501}}},
        too_long("content", 500, code="CONTENT_TOO_LONG", platform="MASTODON"),
    ),
}


@statements("V108")
async def test_a_networks_limit_binds_what_is_to_go_out_and_not_a_draft(
    installation: Installation,
) -> None:
    for platform, fields, refusal in NETWORK_LIMITS.values():
        body = {"content": "x", "accountIds": [installation.account(platform)]} | fields

        draft = await installation.api.post("/v1/posts", json=body)
        scheduled = await installation.api.post("/v1/posts", json=body | {"scheduledFor": SOON})
        published = await installation.api.post(f"/v1/posts/{draft.json()['id']}/publish")

        assert draft.status_code == 201
        assert problem(scheduled) == problem(published) == refusal
        assert (await installation.get(draft.json()["id"])) == draft.json()


@statements("V108", "V104")
async def test_a_limit_counts_the_text_the_network_will_see(installation: Installation) -> None:
    long = "x" * 400

    post = await installation.create(
        "TWITTER",
        "MASTODON",
        content=long,
        platformOverrides={"TWITTER": {"content": "short"}},
        scheduledFor=SOON,
    )

    assert post["status"] == "scheduled"


@statements("V105")
async def test_an_override_is_of_the_text_and_of_nothing_else(installation: Installation) -> None:
    body = {"content": "x", "accountIds": [installation.account("TWITTER")]}
    others = ["media", "contentType", "scheduledFor", "tags"]

    refused = [
        problem(
            await installation.api.post(
                "/v1/posts", json=body | {"platformOverrides": {"TWITTER": {name: None}}}
            )
        )
        for name in others
    ]

    assert refused == [invalid(f"platformOverrides.TWITTER.{name}") for name in others]


@statements("V43")
async def test_of_both_kinds_of_wrong_the_400_comes_first(installation: Installation) -> None:
    body = {
        "content": "x" * 281,
        "accountIds": [installation.account("TWITTER")],
        "scheduledFor": SOON,
        "metadata": {"k" * 101: 1},
    }

    answer = await installation.api.post("/v1/posts", json=body)

    assert problem(answer) == NETWORK_LIMITS["content"][2]


async def test_a_post_with_nothing_to_say_or_show_is_not_scheduled(
    installation: Installation,
) -> None:
    nothing = {"content": " ", "scheduledFor": SOON}
    platforms = ("TELEGRAM", "TWITTER", "MASTODON")  # Bluesky takes a post without text

    refused = {
        platform: await installation.api.post(
            "/v1/posts", json=nothing | {"accountIds": [installation.account(platform)]}
        )
        for platform in platforms
    }

    assert {platform: answer.status_code for platform, answer in refused.items()} == dict.fromkeys(
        platforms, 400
    )
