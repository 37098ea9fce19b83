"""The rule of a post as the API takes, shows and refuses it."""

import asyncio
from typing import Any

import pytest

from api.answers import NOBODY, SCENES, invalid, problem, put_in, rows
from installation import Installation
from oncue.lib import ids
from oncue.posts.lifecycle import Status
from recurrence.repeating import NOON, ask, change, path, repeated, rule_of
from statements import statements

pytestmark = pytest.mark.anyio


@statements("V11", "V279", "V282")
async def test_a_rule_is_answered_whole(installation: Installation) -> None:
    post = await installation.publish("MASTODON")

    answer = await ask(
        installation,
        post,
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9;BYMINUTE=0",
        "America/New_York",
        maxOccurrences=24,
    )

    rule = answer.json()
    assert answer.status_code == 201
    assert rule.pop("id").startswith("rec_")
    assert rule == {
        "postId": post["id"],
        "recurrenceRule": "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9;BYMINUTE=0",
        "timezone": "America/New_York",
        "maxOccurrences": 24,
        "occurrenceCount": 0,
        "startAt": "2026-11-22T12:00:00.000Z",
        "nextRunAt": "2026-11-23T14:00:00.000Z",
        "enabled": True,
        "exdates": [],
        "createdAt": "2026-11-22T12:00:00.000Z",
        "updatedAt": "2026-11-22T12:00:00.000Z",
    }
    assert await rule_of(installation, post) == answer.json()


@statements("V274")
@pytest.mark.parametrize("status", SCENES)
async def test_only_a_published_or_scheduled_post_takes_a_rule(
    installation: Installation, status: Status
) -> None:
    post = await installation.create("MASTODON", "TELEGRAM")
    await put_in(installation, post, status)

    answer = await ask(installation, post)

    if status in {Status.PUBLISHED, Status.SCHEDULED}:
        assert answer.status_code == 201
        return
    facts = {
        "operation": "repeat",
        "status": status,
        "permittedIn": ["published", "scheduled"],
    }
    assert problem(answer) == (409, "CONFLICT", facts)
    assert (await installation.get(post["id"]))["isRecurring"] is None


@statements("V275", "V276")
@pytest.mark.parametrize(
    ("body", "field", "part"),
    [
        ({"recurrenceRule": "every day"}, "recurrenceRule", "RRULE"),
        ({"recurrenceRule": ""}, "recurrenceRule", "RRULE"),
        ({"recurrenceRule": "FREQ=DAILY;BYEASTER=1"}, "recurrenceRule", "BYEASTER"),
        ({"recurrenceRule": "FREQ=SECONDLY"}, "recurrenceRule", "FREQ"),
        ({"recurrenceRule": "FREQ=DAILY;INTERVAL=0"}, "recurrenceRule", "INTERVAL"),
        ({"recurrenceRule": "FREQ=DAILY;COUNT=99999"}, "recurrenceRule", "COUNT"),
        ({"timezone": "Atlantis/Capital"}, "timezone", "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone", "timezone"),
    ],
)
async def test_a_rule_we_do_not_take_is_told_by_field_and_part(
    installation: Installation, body: dict[str, str], field: str, part: str
) -> None:
    post = await repeated(installation)
    other = await installation.publish("MASTODON")
    before = await rows(installation)

    created = await installation.api.post(
        path(other), json={"recurrenceRule": NOON, "timezone": "UTC"} | body
    )
    changed = await installation.api.patch(path(post), json=body)

    assert problem(created) == problem(changed) == invalid(field, part=part)
    assert await rows(installation) == before
    assert (await rule_of(installation, post))["recurrenceRule"] == NOON


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO,TU,WE,TH,FR,SA",
    ],
)
async def test_a_rule_that_never_comes_round_is_refused(
    installation: Installation, rule: str
) -> None:
    post = await installation.publish("MASTODON")  # on a Sunday

    assert problem(await ask(installation, post, rule)) == invalid("recurrenceRule")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [{"field": "recurrenceRule"}, {"field": "timezone"}]),
        ({"maxOccurrences": 0}, {"field": "maxOccurrences", "limit": 1}),
        ({"maxOccurrences": 10**9}, {"field": "maxOccurrences", "limit": 1_000_000}),
        ({"maxOccurrences": 1.5}, {"field": "maxOccurrences"}),
        ({"startAt": "2026-11-22T12:00:00"}, {"field": "startAt"}),
        ({"exdates": ["soon"]}, {"field": "exdates[0]"}),
        (
            {"exdates": ["2027-01-01T00:00Z"] * 501},
            {"field": "exdates", "limit": 500, "actual": 501},
        ),
        ({"rrule": "FREQ=DAILY"}, {"field": "rrule"}),
    ],
)
async def test_a_value_out_of_bounds_is_named(
    installation: Installation, body: dict[str, Any], expected: object
) -> None:
    post = await installation.publish("MASTODON")
    good = {"recurrenceRule": NOON, "timezone": "UTC"} if body else {}

    answer = await installation.api.post(path(post), json=good | body)

    assert problem(answer) == (400, "VALIDATION_ERROR", expected)


async def test_a_post_of_the_last_day_of_all_gives_its_rule_a_time_of_day_too(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor="9999-12-31T23:59:59.999Z")

    rule = (await ask(installation, post, "FREQ=DAILY", "Asia/Tokyo")).json()

    assert rule["nextRunAt"] == "2026-11-22T23:59:00.000Z"


@statements("V279")
async def test_a_rule_without_a_time_of_day_takes_the_posts(installation: Installation) -> None:
    scheduled = await installation.create("MASTODON", scheduledFor="2027-01-04T14:45:59Z")
    published = await installation.publish("MASTODON")
    installation.clock.advance(seconds=1)

    theirs = (await ask(installation, scheduled, "FREQ=DAILY", "Asia/Kathmandu")).json()
    own = (await ask(installation, published, "FREQ=DAILY", "UTC")).json()
    moved = await change(installation, scheduled, timezone="UTC", recurrenceRule="FREQ=WEEKLY")

    assert theirs["nextRunAt"] == "2026-11-22T14:45:00.000Z"
    assert own["nextRunAt"] == "2026-11-23T12:00:00.000Z"
    assert moved["nextRunAt"] == "2026-11-22T14:45:00.000Z"


async def test_a_post_has_one_rule(installation: Installation) -> None:
    post = await installation.publish("MASTODON")

    answers = await asyncio.gather(*(ask(installation, post) for _ in range(5)))

    made = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [problem(answer) for answer in answers if answer.status_code != 201]
    assert len(made) == 1
    assert refused == [(409, "CONFLICT", {"recurrenceId": made[0]["id"]})] * 4


@statements("V283")
async def test_only_what_is_mentioned_changes(installation: Installation) -> None:
    post = await repeated(installation, maxOccurrences=5)
    before = await rule_of(installation, post)
    installation.clock.advance(minutes=1)

    nothing = await change(installation, post)
    limited = await change(installation, post, maxOccurrences=None)
    moved = await change(installation, post, recurrenceRule="FREQ=DAILY;BYHOUR=9;BYMINUTE=0")
    farther = await change(installation, post, timezone="America/New_York")

    assert nothing == before
    assert limited == before | {
        "maxOccurrences": None,
        "updatedAt": "2026-11-22T12:01:00.000Z",
    }
    assert moved["nextRunAt"] == "2026-11-23T09:00:00.000Z"
    assert farther["nextRunAt"] == "2026-11-22T14:00:00.000Z"
    assert farther["updatedAt"] > moved["updatedAt"] > limited["updatedAt"]


@statements("V282", "V285")
@pytest.mark.parametrize("request_", ["GET ", "PATCH ", "DELETE ", "GET /preview", "POST /skip"])
async def test_without_a_rule_there_is_nothing_to_show_or_change(
    installation: Installation, request_: str
) -> None:
    post = await installation.publish("MASTODON")
    method, rest = request_.split(" ")
    body = {"at": "2027-01-01T00:00:00Z"} if rest else {"enabled": False}

    answer = await installation.api.request(
        method, path(post, rest), json=None if method == "GET" else body
    )

    assert problem(answer) == (404, "NOT_FOUND", None)


async def test_coming_times_are_shown_up_to_the_rules_end(installation: Installation) -> None:
    post = await repeated(installation, maxOccurrences=3, exdates=["2026-11-23T12:30:00Z"])

    ended = (await installation.api.get(path(post, "/preview"))).json()
    two = (await installation.api.get(path(post, "/preview?count=2"))).json()
    await change(installation, post, enabled=False)
    paused = (await installation.api.get(path(post, "/preview"))).json()
    bad = [
        problem(await installation.api.get(path(post, f"/preview?count={count}")))
        for count in (0, 101, "x")
    ]

    assert (
        ended
        == paused
        == {
            "occurrences": [
                "2026-11-22T12:30:00.000Z",
                "2026-11-24T12:30:00.000Z",
                "2026-11-25T12:30:00.000Z",
            ]
        }
    )
    assert two["occurrences"] == ended["occurrences"][:2]
    assert bad == [invalid("count", limit=1), invalid("count", limit=100), invalid("count")]


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-22T12:31:00Z",  # between times
        "2026-11-21T12:30:00Z",  # over
        "2026-11-23T12:30:00Z",  # left out already
        "2026-11-30T12:30:00Z",  # after the end
    ],
)
async def test_only_a_coming_time_can_be_skipped(installation: Installation, at: str) -> None:
    post = await repeated(installation, f"{NOON};UNTIL=20261129", exdates=["2026-11-23T12:30:00Z"])

    answer = await installation.api.post(path(post, "/skip"), json={"at": at})

    assert problem(answer) == invalid("at", value=at.replace("Z", ".000Z"))


async def test_a_rule_can_leave_out_so_many_times(installation: Installation) -> None:
    days = [f"{year}-01-{day:02}T12:30:00Z" for year in range(2027, 2044) for day in range(1, 32)]
    post = await repeated(installation, exdates=days[:500])

    answer = await installation.api.post(path(post, "/skip"), json={"at": days[500]})

    assert problem(answer) == invalid("exdates", limit=500)


async def test_a_rule_that_is_ended_again_with_its_key_is_answered_again(
    installation: Installation,
) -> None:
    post = await repeated(installation)
    headers = {"Idempotency-Key": "once"}

    first = await installation.api.delete(path(post), headers=headers)
    second = await installation.api.delete(path(post), headers=headers)
    without = await installation.api.delete(path(post))

    assert (first.status_code, first.content) == (second.status_code, second.content) == (204, b"")
    assert "content-type" not in second.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert problem(without)[0] == 404


@statements("V89")
async def test_a_post_says_in_every_list_that_it_is_recurring(installation: Installation) -> None:
    post = await repeated(installation)
    plain = await installation.publish("MASTODON")

    listed = (await installation.api.get("/v1/posts")).json()["data"]

    assert {row["id"]: row["isRecurring"] for row in listed} == {
        post["id"]: True,
        plain["id"]: None,
    }


async def test_a_copy_that_somebody_makes_is_no_rules(installation: Installation) -> None:
    post = await repeated(installation)

    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    assert (copy["recurringPostId"], copy["isRecurring"]) == (None, None)


async def test_an_unknown_posts_rule_is_not_found(installation: Installation) -> None:
    nobody = {"id": ids.to_typeid("post", NOBODY)}

    assert problem(await ask(installation, nobody)) == (404, "NOT_FOUND", None)
    runs = await installation.api.get(path(nobody, "/runs"))
    assert problem(runs) == (404, "NOT_FOUND", None)
