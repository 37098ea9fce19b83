"""PATCH /v1/posts/:id: what is mentioned changes, and nothing else does."""

from collections.abc import Mapping
from typing import Final

import pytest

from api.answers import invalid, problem, put_in, rows, too_long
from api.changing import changes, patch, refusal
from installation import Installation
from oncue.posts.lifecycle import Status
from statements import statements

pytestmark = pytest.mark.anyio

SOON = "2026-11-22T13:00:00.000Z"

# One field each, and what the answer shows in its place: the same, unless told.
FIELDS: Final[Mapping[str, tuple[object, Mapping[str, object]]]] = {
    "content": ("New", {}),
    "contentType": ("IMAGE", {}),
    "tags": (["b", "c"], {}),
    "personaId": ("another", {}),
    "firstComment": ("Second!", {}),
    "firstCommentDelay": (30, {}),
    "latePolicy": ("hold", {}),
    "metadata": ({"n": 2}, {}),
    "platformRemovedAt": (SOON, {}),
    "platformOverrides": ({"TWITTER": {"content": "On X"}}, {}),
    "platformMetadata": ({"MASTODON": {"mastodonVisibility": "private"}}, {}),
    "scheduledFor": (SOON, {"status": "scheduled"}),
    "threadPosts": (
        [{"sequence": 1, "content": "1/"}],
        {
            "contentType": "THREAD",
            "threadPosts": [{"sequence": 1, "content": "1/", "mediaIds": []}],
        },
    ),
}


@statements("V123", "V125", "V126", "V131", "V132", "V133", "V134", "V135", "V136", "V137")
@statements("V138", "V207")
async def test_each_field_changes_itself_and_what_follows_from_it(
    installation: Installation,
) -> None:
    before = await installation.create(
        "TWITTER",
        "MASTODON",
        tags=["a"],
        personaId="one",
        firstComment="First!",
        firstCommentDelay=1,
        metadata={"n": 1},
        platformOverrides={"MASTODON": {"content": "On Mastodon"}},
        platformMetadata={"TELEGRAM": {"telegramSilent": True}},
    )

    changed: dict[str, object] = {}
    for name, (value, _) in FIELDS.items():
        after = await patch(installation, before, **{name: value})
        changed[name] = changes(before, after)
        before = after

    assert changed == {name: {name: value, **shown} for name, (value, shown) in FIELDS.items()}
    assert await installation.get(before["id"]) == before


@statements("V123")
async def test_a_change_of_nothing_changes_nothing(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON, tags=["a"])
    before = await rows(installation)

    assert await patch(installation, post) == post
    assert await rows(installation) == before


async def test_null_clears_what_can_be_empty(installation: Installation) -> None:
    post = await installation.create(
        "MASTODON",
        contentType="TEXT",
        firstComment="First!",
        personaId="one",
        metadata={"n": 1},
        scheduledFor=SOON,
    )
    nothing = dict.fromkeys(("contentType", "firstComment", "personaId", "metadata"))

    after = await patch(installation, post, **nothing, scheduledFor=None)

    assert changes(post, after) == nothing | {"scheduledFor": None, "status": "draft"}


async def test_null_is_refused_where_something_must_be(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    needed = ["content", "accountIds", "media", "tags", "threadPosts", "platformOverrides"]

    refused = [await refusal(installation, post, **{name: None}) for name in needed]

    assert refused == [invalid(name) for name in needed]


@statements("V124", "V135", "V136", "V138")
async def test_the_limits_of_a_change_are_where_the_document_puts_them(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    long = {"content": "x" * 63_206, "firstComment": "x" * 2_200, "firstCommentDelay": 60}

    after = await patch(installation, post, **long)

    assert changes(post, after) == long
    assert await refusal(installation, post, content="x" * 63_207) == too_long("content", 63_206)
    assert await refusal(installation, post, firstComment="x" * 2_201) == too_long(
        "firstComment", 2_200
    )
    assert await refusal(installation, post, firstCommentDelay=61) == invalid(
        "firstCommentDelay", limit=60
    )
    assert await refusal(installation, post, metadata={"k" * 101: 1}) == (
        422,
        "VALIDATION_ERROR",
        {"field": "metadata", "maxLength": 100, "actualLength": 101},
    )


async def test_of_both_kinds_of_wrong_the_400_comes_first(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    both = {"metadata": {"k" * 101: 1}, "accountIds": []}

    assert await refusal(installation, post, **both) == invalid("accountIds")


@statements("V42")
async def test_a_change_has_no_platforms_field(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    answer = await installation.api.patch(f"/v1/posts/{post['id']}", json={"platforms": ["X"]})

    assert problem(answer) == invalid("platforms")
    assert "accountIds" in answer.json()["error"]["message"]


@statements("V127")
async def test_clearing_the_schedule_makes_a_draft_that_is_never_due(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)

    after = await patch(installation, post, clearSchedule=True)
    installation.clock.advance(days=1)
    await installation.run_due()

    assert changes(post, after) == {"status": "draft", "scheduledFor": None}
    assert installation.posts("MASTODON") == []


@statements("V128")
async def test_save_as_draft_wins_over_a_new_time(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)

    after = await patch(installation, post, saveAsDraft=True, scheduledFor="2026-12-01T00:00:00Z")

    assert changes(post, after) == {"status": "draft", "scheduledFor": None}


@statements("V124")
async def test_a_networks_limit_binds_a_change_of_what_is_to_go_out(
    installation: Installation,
) -> None:
    draft = await installation.create("TWITTER")
    scheduled = await installation.create("TWITTER", scheduledFor=SOON)
    long = {"content": "x" * 281}
    limit = too_long("content", 280, code="CONTENT_TOO_LONG", platform="TWITTER")

    assert (await patch(installation, draft, **long))["content"] == long["content"]
    assert await refusal(installation, draft, scheduledFor=SOON) == limit
    assert await refusal(installation, scheduled, **long) == limit
    assert await installation.get(scheduled["id"]) == scheduled


@statements("V126", "V221")
async def test_a_change_has_its_minute_of_grace_too(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)

    late = await refusal(installation, post, scheduledFor="2026-11-22T11:58:59Z")

    assert late == invalid("scheduledFor", limit=60, value="2026-11-22T11:58:59.000Z")
    assert await installation.get(post["id"]) == post


@statements("V137")
async def test_when_it_was_removed_from_the_network_can_be_noted_and_unsaid(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", "MASTODON")
    await put_in(installation, post, Status.PARTIAL)

    noted = await patch(installation, post, platformRemovedAt="2026-11-22T12:30:00+01:00")
    unsaid = await patch(installation, post, platformRemovedAt=None)

    assert noted["platformRemovedAt"] == "2026-11-22T11:30:00.000Z"
    assert unsaid["platformRemovedAt"] is None
    assert unsaid["status"] == "partial"
