"""PATCH /v1/posts/:id: what is mentioned changes, and nothing else does."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from api.answers import Problem, invalid, problem, put_in, rows, too_long
from installation import Installation
from oncue.lib import ids
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


async def patch(installation: Installation, post: Mapping[str, Any], **fields: object) -> Any:
    """The post after a change that is taken."""
    answer = await installation.api.patch(f"/v1/posts/{post['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refusal(installation: Installation, post: Mapping[str, Any], **fields: object) -> Problem:
    """What is said to a change that is not."""
    return problem(await installation.api.patch(f"/v1/posts/{post['id']}", json=fields))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """What differs, but for the version, which always does."""
    assert after["updatedAt"] > before["updatedAt"]
    return {
        name: value
        for name, value in after.items()
        if value != before[name] and name != "updatedAt"
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


@statements("V129", "V21")
async def test_accounts_are_replaced_and_those_kept_keep_their_place_in_history(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", "MASTODON", "TELEGRAM")
    wanted = [installation.account(platform) for platform in ("BLUESKY", "TELEGRAM", "TWITTER")]

    after = await patch(installation, post, accountIds=wanted)

    twitter, _, telegram = post["platforms"]
    assert [platform["accountId"] for platform in after["platforms"]] == wanted
    assert after["platforms"][1:] == [telegram, twitter]
    assert await refusal(installation, post, accountIds=[]) == invalid("accountIds")


@statements("V129", "V180")
async def test_an_account_that_has_the_post_already_cannot_be_taken_away(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", "MASTODON")
    await put_in(installation, post, Status.PARTIAL)  # MASTODON is published

    refused = await refusal(installation, post, accountIds=[installation.account("TWITTER")])

    assert refused == (409, "CONFLICT", None)
    assert len((await installation.get(post["id"]))["platforms"]) == 2


async def test_an_account_added_to_a_scheduled_post_goes_out_with_it(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)
    both = [installation.account("MASTODON"), installation.account("TWITTER")]

    await patch(installation, post, accountIds=both)
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("MASTODON")) == len(installation.posts("TWITTER")) == 1


async def test_a_post_with_an_account_added_after_a_failure_is_not_published_without_it(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await installation.publish("MASTODON")
    both = [installation.account("MASTODON"), installation.account("TWITTER")]
    mastodon, twitter = (await patch(installation, post, accountIds=both))["platforms"]

    async def fix(platform: Mapping[str, Any]) -> object:
        await installation.api.post(f"/v1/posts/{post['id']}/platforms/{platform['id']}/fix")
        await installation.run_due()
        return (await installation.get(post["id"]))["status"]

    assert await fix(mastodon) == "partial"
    assert await fix(twitter) == "published"


async def test_the_accounts_of_a_thread_keep_one_on_x(installation: Installation) -> None:
    items = [{"sequence": 1, "content": "1/"}]
    post = await installation.create("TWITTER", "MASTODON", threadPosts=items)

    refused = await refusal(installation, post, accountIds=[installation.account("MASTODON")])

    assert refused == invalid("contentType")
    assert await installation.get(post["id"]) == post


async def test_a_thread_is_not_called_something_else(installation: Installation) -> None:
    items = [{"sequence": 1, "content": "1/"}]
    post = await installation.create("TWITTER", threadPosts=items)

    assert await refusal(installation, post, contentType="TEXT") == invalid("threadPosts")
    after = await patch(installation, post, contentType="TEXT", threadPosts=[])
    assert changes(post, after) == {"contentType": "TEXT", "threadPosts": []}


@statements("V134")
async def test_a_threads_rules_hold_for_a_change_too(installation: Installation) -> None:
    post = await installation.create("TWITTER")
    gap = [{"sequence": 1, "content": "1/"}, {"sequence": 3, "content": "3/"}]
    many = [{"sequence": number, "content": "x"} for number in range(1, 27)]

    assert await refusal(installation, post, threadPosts=gap) == invalid("threadPosts")
    assert await refusal(installation, post, threadPosts=many) == invalid(
        "threadPosts", limit=25, actual=26
    )


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


async def test_another_workspaces_account_is_as_unknown_as_nobodys(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    elsewhere = await installation.new_workspace()
    stranger = await installation.new_account("MASTODON", "stranger", elsewhere)

    refused = await refusal(installation, post, accountIds=[ids.to_typeid("acc", stranger.id)])

    assert refused == invalid("accountIds[0]", code="ACCOUNT_NOT_FOUND")
