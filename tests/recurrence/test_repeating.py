"""A rule's life through HTTP: posts that come again on time, and what stops them."""

import pytest

from installation import Clock, Installation
from oncue.accounts import service as accounts
from oncue.lib import ids
from recurrence.repeating import (
    MONDAY,
    NOON,
    SUNDAY,
    TUESDAY,
    WEDNESDAY,
    ask,
    change,
    history,
    live_through,
    outcomes,
    path,
    repeated,
    rule_of,
)
from statements import statements

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30


@statements("V280", "V286", "V88", "V89")
async def test_a_post_comes_again_as_a_new_one_that_says_the_same(
    installation: Installation,
) -> None:
    media = await installation.api.post("/v1/media", files={"file": ("a.png", PNG, "image/png")})
    source = await installation.publish(
        "TELEGRAM",
        "MASTODON",
        content="Again",
        media=[media.json()["id"]],
        tags=["evergreen"],
        metadata={"n": 1},
        firstComment="First!",
        platformOverrides={"TELEGRAM": {"content": "Again, by wire"}},
        platformMetadata={"MASTODON": {"mastodonVisibility": "unlisted"}},
    )
    rule = (await ask(installation, source)).json()
    source = await installation.get(source["id"])

    await live_through(installation, SUNDAY)

    [run] = await history(installation, source)
    copy = await installation.get(run["postId"])
    own = {
        "id",
        "platforms",
        "publishedAt",
        "createdAt",
        "updatedAt",
        "recurringPostId",
        "isRecurring",
    }
    assert {name: copy[name] for name in copy.keys() - own} == {
        name: source[name] for name in source.keys() - own
    }
    assert (copy["status"], copy["publishedAt"]) == ("published", "2026-11-22T12:30:00.000Z")
    assert (copy["recurringPostId"], copy["isRecurring"]) == (rule["id"], None)
    assert (source["recurringPostId"], source["isRecurring"]) == (None, True)
    assert [entry.text for entry in installation.posts("TELEGRAM")] == ["Again, by wire"] * 2


@statements("V280")
async def test_a_copys_history_says_where_it_comes_from_and_that_it_went_out(
    installation: Installation,
) -> None:
    source = await repeated(installation)
    rule = await rule_of(installation, source)

    await live_through(installation, SUNDAY)

    [run] = await history(installation, source)
    told = (await installation.api.get(f"/v1/posts/{run['postId']}/events")).json()["events"]
    assert [event["type"] for event in told][:2] == ["post.created", "post.publishing"]
    assert told[0]["data"] == {"clonedFrom": source["id"], "recurringPostId": rule["id"]}


@statements("V281")
@pytest.mark.parametrize(
    ("begin", "at", "expected", "others"),
    [
        (
            "2026-03-07T00:00Z",
            "BYHOUR=2;BYMINUTE=30",
            ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"],
            ["2026-03-08T06:30", "2026-03-08T07:30", "2026-03-09T07:30"],
        ),
        (
            "2026-10-31T00:00Z",
            "BYHOUR=1;BYMINUTE=30",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
            ["2026-10-31T06:30", "2026-11-01T06:30", "2026-11-02T05:30"],
        ),
    ],
)
async def test_the_local_time_stays_and_no_day_is_doubled_when_clocks_change(
    clock: Clock,
    installation: Installation,
    begin: str,
    at: str,
    expected: list[str],
    others: list[str],
) -> None:
    clock.now = clock.now.fromisoformat(begin)
    source = await repeated(installation, f"FREQ=DAILY;{at}", "America/New_York")

    await live_through(installation, *sorted(expected + others))

    assert await outcomes(installation, source) == [(moment, "created") for moment in expected]
    assert len(installation.posts("MASTODON")) == 4


@statements("V277")
async def test_a_rule_ends_after_so_many_runs_and_goes_on_when_the_limit_goes(
    installation: Installation,
) -> None:
    source = await repeated(installation, maxOccurrences=2)

    await live_through(installation, SUNDAY, MONDAY, TUESDAY, "2026-11-24T18:00")
    ended = await rule_of(installation, source)
    resumed = await change(installation, source, maxOccurrences=None)

    assert (ended["occurrenceCount"], ended["nextRunAt"]) == (2, None)
    assert resumed["maxOccurrences"] is None
    assert resumed["nextRunAt"] == "2026-11-25T12:30:00.000Z"


@statements("V278")
async def test_nothing_runs_before_the_start(installation: Installation) -> None:
    source = await repeated(installation, startAt="2026-11-24T12:30:00Z")

    await live_through(installation, SUNDAY, MONDAY, TUESDAY)

    assert await outcomes(installation, source) == [("2026-11-24T12:30", "created")]


@statements("V284")
async def test_a_pause_lets_its_times_pass_and_what_follows_is_on_time(
    installation: Installation,
) -> None:
    source = await repeated(installation)

    paused = await change(installation, source, enabled=False)
    await live_through(installation, SUNDAY, MONDAY, "2026-11-24T12:00")
    resumed = await change(installation, source, enabled=True)
    await live_through(installation, TUESDAY)

    assert (paused["enabled"], paused["nextRunAt"]) == (False, None)
    assert (resumed["enabled"], resumed["nextRunAt"]) == (True, "2026-11-24T12:30:00.000Z")
    assert await outcomes(installation, source) == [("2026-11-24T12:30", "created")]


async def test_times_left_out_are_not_run_and_are_on_record(installation: Installation) -> None:
    source = await repeated(installation, exdates=["2026-11-22T12:30:00Z"])
    skipped = await installation.api.post(
        path(source, "/skip"), json={"at": "2026-11-24T13:30:00+01:00"}
    )

    await live_through(installation, SUNDAY, MONDAY, TUESDAY, WEDNESDAY)

    assert skipped.json()["nextRunAt"] == "2026-11-23T12:30:00.000Z"
    assert skipped.json()["exdates"] == ["2026-11-22T12:30:00.000Z", "2026-11-24T12:30:00.000Z"]
    assert await outcomes(installation, source) == [
        ("2026-11-22T12:30", "skipped"),
        ("2026-11-23T12:30", "created"),
        ("2026-11-24T12:30", "skipped"),
        ("2026-11-25T12:30", "created"),
    ]


async def test_a_post_that_goes_out_at_that_time_itself_is_not_doubled(
    installation: Installation,
) -> None:
    scheduled = await installation.create("MASTODON", scheduledFor="2026-11-22T12:30:00Z")
    published = await installation.publish("MASTODON")
    await ask(installation, scheduled)
    await ask(installation, published, "FREQ=DAILY")

    await live_through(installation, "2026-11-22T12:00", SUNDAY, "2026-11-23T12:00", MONDAY)

    assert await outcomes(installation, scheduled) == [
        ("2026-11-22T12:30", "skipped"),
        ("2026-11-23T12:30", "created"),
    ]
    assert await outcomes(installation, published) == [
        ("2026-11-22T12:00", "skipped"),
        ("2026-11-23T12:00", "created"),
    ]
    assert len(installation.posts("MASTODON")) == 4


async def test_a_post_that_was_published_ahead_of_its_time_comes_again_at_that_time(
    installation: Installation,
) -> None:
    source = await installation.create("MASTODON", scheduledFor="2026-11-22T12:30:00Z")
    await ask(installation, source)
    await installation.api.post(f"/v1/posts/{source['id']}/publish")
    await installation.run_due()

    await live_through(installation, SUNDAY)

    assert await outcomes(installation, source) == [("2026-11-22T12:30", "created")]


async def test_a_post_that_was_taken_back_is_not_repeated_and_once_it_is_back_it_is(
    installation: Installation,
) -> None:
    source = await repeated(installation)

    await installation.api.post(f"/v1/posts/{source['id']}/archive")
    await live_through(installation, SUNDAY)
    await installation.api.post(f"/v1/posts/{source['id']}/unarchive")
    await live_through(installation, MONDAY)

    [first, second] = await history(installation, source)
    assert (first["outcome"], first["note"]) == ("skipped", "the post is archived")
    assert second["outcome"] == "created"


async def test_a_post_that_cannot_be_made_is_on_record_and_the_rule_goes_on(
    installation: Installation,
) -> None:
    source = await repeated(installation)
    account_id = installation.accounts["MASTODON"].id

    await installation.db.write(
        lambda session: accounts.disconnect(
            session, installation.workspace_id, account_id, installation.clock()
        )
    )
    await live_through(installation, SUNDAY)

    [run] = await history(installation, source)
    assert (run["outcome"], run["postId"]) == ("failed", None)
    assert run["note"] == "No account of the post is connected any more"
    rule = await rule_of(installation, source)
    assert (rule["nextRunAt"], rule["occurrenceCount"]) == ("2026-11-23T12:30:00.000Z", 0)


@statements("V285")
async def test_an_ended_rule_leaves_everything_it_made(installation: Installation) -> None:
    source = await repeated(installation)
    await live_through(installation, SUNDAY)
    [run] = await history(installation, source)

    gone = await installation.api.delete(path(source))
    await live_through(installation, MONDAY)

    assert (gone.status_code, gone.content) == (204, b"")
    assert (await installation.api.get(path(source))).status_code == 404
    assert (await installation.get(source["id"]))["isRecurring"] is None
    assert (await installation.get(run["postId"]))["recurringPostId"] is not None
    assert await history(installation, source) == [run]
    assert (await ask(installation, source)).status_code == 201


async def test_a_rule_goes_with_its_post(installation: Installation) -> None:
    source = await installation.create("MASTODON", scheduledFor="2026-12-24T12:00:00Z")
    await ask(installation, source, NOON)

    gone = await installation.api.delete(f"/v1/posts/{source['id']}")
    await live_through(installation, SUNDAY)

    assert gone.status_code == 200
    assert installation.posts("MASTODON") == []


async def test_the_history_is_read_in_pages(installation: Installation) -> None:
    source = await repeated(installation)
    await live_through(installation, SUNDAY, MONDAY, TUESDAY)

    first = (await installation.api.get(path(source, "/runs?limit=2"))).json()
    rest = (
        await installation.api.get(
            path(source, "/runs"), params={"cursor": first["pagination"]["next_cursor"]}
        )
    ).json()

    assert [run["dueAt"][:10] for run in (*first["data"], *rest["data"])] == [
        "2026-11-24",
        "2026-11-23",
        "2026-11-22",
    ]
    assert (first["pagination"]["has_more"], rest["pagination"]["has_more"]) == (True, False)
    rule = await rule_of(installation, source)
    assert {run["recurrenceId"] for run in rest["data"]} == {rule["id"]}
    assert ids.from_typeid("rec", rule["id"])
