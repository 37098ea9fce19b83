"""When: how times are written, the minute of grace, and no horizon."""

from typing import Final

import pytest

from api.answers import invalid, problem, rows
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio


async def ask(installation: Installation, when: object) -> object:
    """What becomes of a post for `when`: the time it is shown with, or the refusal."""
    body = {
        "content": "Hello",
        "accountIds": [installation.account("MASTODON")],
        "scheduledFor": when,
    }
    answer = await installation.api.post("/v1/posts", json=body)
    return answer.json()["scheduledFor"] if answer.is_success else problem(answer)


@statements("V23", "V77", "V217", "V218", "V222", "V225")
async def test_a_time_with_a_zone_is_kept_in_utc(installation: Installation) -> None:
    written = {
        "2026-12-15T14:00:00Z": "2026-12-15T14:00:00.000Z",
        "2026-12-15T14:00:00.123456Z": "2026-12-15T14:00:00.123Z",
        "2026-12-15T10:00:00-04:00": "2026-12-15T14:00:00.000Z",
        "2026-12-15T19:45:00+05:45": "2026-12-15T14:00:00.000Z",
        "2100-01-01T00:00:00Z": "2100-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
    }

    assert {when: await ask(installation, when) for when in written} == written


@statements("V219")
async def test_what_is_no_time_with_a_zone_is_refused(installation: Installation) -> None:
    before = await rows(installation)

    answers = [await ask(installation, when) for when in NO_TIMES]

    assert answers == [invalid("scheduledFor")] * len(NO_TIMES)
    assert await rows(installation) == before


NO_TIMES: Final = (
    "2026-12-15T14:00:00",
    "2026-12-15",
    "tomorrow",
    "",
    "2026-13-01T00:00:00Z",
    "2026-12-15T14:00:00+99:00",
    "9999-12-31T23:59:59-14:00",  # not a year that UTC has
    "0001-01-01T00:00:00+14:00",
    1_797_343_200,
    True,
    ["2026-12-15T14:00:00Z"],
)


@statements("V220", "V221")
async def test_a_time_may_be_past_by_a_minute_and_no_more(installation: Installation) -> None:
    assert await ask(installation, "2026-11-22T11:59:00Z") == "2026-11-22T11:59:00.000Z"
    assert await ask(installation, "2026-11-22T11:58:59.999Z") == invalid(
        "scheduledFor", limit=60, value="2026-11-22T11:58:59.999Z"
    )


@statements("V220")
async def test_a_post_within_the_grace_goes_out_at_once(installation: Installation) -> None:
    await ask(installation, "2026-11-22T11:59:30Z")

    await installation.run_due()

    assert len(installation.posts("MASTODON")) == 1


@statements("V188", "V212", "V225")
async def test_a_scheduled_post_goes_out_at_its_time_and_not_a_moment_before(
    installation: Installation,
) -> None:
    await ask(installation, "2026-11-22T13:00:00+01:00")  # noon in UTC: now
    await ask(installation, "2026-11-22T14:00:00+01:00")  # an hour later

    await installation.run_due()
    installation.clock.advance(minutes=59, seconds=59, milliseconds=999)
    await installation.run_due()
    assert len(installation.posts("MASTODON")) == 1

    installation.clock.advance(milliseconds=1)
    await installation.run_due()
    assert len(installation.posts("MASTODON")) == 2
