"""Retrying failures: the same stories in both dialects, and the same destinations afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from dialects.port import Dialect, Refused, Which, posts_of
from installation import START, Installation
from oncue.lib import ids
from statements import statements

pytestmark = pytest.mark.anyio

LATER: Final = START + timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A post of which Mastodon failed, and perhaps others."""

    post: UUID
    destination: UUID


async def fail(installation: Installation, content: str, *platforms: str) -> Failed:
    """A post that the first of these networks refuses."""
    await installation.fault(kind="reject", platform=platforms[0])
    post = await installation.publish(*platforms, content=content)
    first = post["platforms"][0]
    assert first["status"] == "failed"
    return Failed(
        post=ids.from_typeid("post", post["id"]), destination=ids.from_typeid("pp", first["id"])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Three failures: two on Mastodon, an hour apart, and one on X with the second."""

    early: Failed
    late: Failed
    other: Failed


async def scene(installation: Installation) -> Scene:
    early = await fail(installation, "Early", "MASTODON", "BLUESKY")
    installation.clock.now = LATER
    return Scene(
        early=early,
        late=await fail(installation, "Late", "MASTODON"),
        other=await fail(installation, "Other", "TWITTER"),
    )


# Each filter alone and two of them together, and which of the scene's failures it means.
FILTERS: Final[dict[str, tuple[Callable[[Installation, Scene], Which], str]]] = {
    "posts": (lambda _, at: Which(posts=[at.early.post, at.other.post]), "early other"),
    "account": (lambda oncue, _: Which(account=oncue.accounts["MASTODON"]), "early late"),
    "platform": (lambda *_: Which(platform="TWITTER"), "other"),
    "after": (lambda *_: Which(after=LATER), "late other"),
    "before": (lambda *_: Which(before=START), "early"),
    "between": (lambda *_: Which(after=START, before=START), "early"),
    "attempts left": (lambda *_: Which(max_attempts=2), "early late other"),
    "no attempts left": (lambda *_: Which(max_attempts=1), ""),
    "platform and time": (lambda *_: Which(platform="MASTODON", after=LATER), "late"),
    "account and posts": (
        lambda oncue, at: Which(account=oncue.accounts["TWITTER"], posts=[at.late.post]),
        "",
    ),
}


@statements("P20", "P21", "P22", "P23", "P24", "P25", "P26", "P27", "P28", "P35", "P37", "P38")
async def test_each_filter_means_the_same(installation: Installation, dialect: Dialect) -> None:
    at = await scene(installation)

    for name, (which, expected) in FILTERS.items():
        meant = {getattr(at, each).destination for each in expected.split()}
        found = await dialect.retry_failed(which(installation, at), dry_run=True)
        assert found == meant, name

    assert await posts_of(installation) == {
        "Early": ("partial", {"MASTODON": "failed", "BLUESKY": "published"}),
        "Late": ("failed", {"MASTODON": "failed"}),
        "Other": ("failed", {"TWITTER": "failed"}),
    }


@statements("P20", "P32", "P34", "P35")
async def test_what_failed_goes_out_and_what_went_out_does_not_again(
    installation: Installation, dialect: Dialect
) -> None:
    at = await scene(installation)

    retried = await dialect.retry_failed(Which(platform="MASTODON"))

    assert retried == {at.early.destination, at.late.destination}
    assert await posts_of(installation) == {
        "Early": ("publishing", {"MASTODON": "waiting", "BLUESKY": "published"}),
        "Late": ("publishing", {"MASTODON": "waiting"}),
        "Other": ("failed", {"TWITTER": "failed"}),
    }
    await installation.run_due()
    assert [entry.text for entry in installation.posts("MASTODON")] == ["Early", "Late"]
    assert [entry.text for entry in installation.posts("BLUESKY")] == ["Early"]
    assert installation.posts("TWITTER") == []


async def test_what_is_on_its_way_is_not_retried_again(
    installation: Installation, dialect: Dialect
) -> None:
    failed = await fail(installation, "Once", "MASTODON")

    first = await dialect.retry_failed(Which(platform="MASTODON"))
    second = await dialect.retry_failed(Which(platform="MASTODON"))
    await installation.run_due()

    assert (first, second) == ({failed.destination}, set())
    assert len(installation.posts("MASTODON")) == 1


async def test_an_unknown_outcome_is_never_retried(
    installation: Installation, dialect: Dialect
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    await installation.publish("TELEGRAM", content="Perhaps")

    retried = await dialect.retry_failed(Which(after=START))
    await installation.run_due()

    assert retried == set()
    assert await posts_of(installation) == {"Perhaps": ("failed", {"TELEGRAM": "failed"})}
    assert len(installation.posts("TELEGRAM")) == 1


async def test_a_retry_the_system_had_planned_comes_at_once_and_once(
    installation: Installation, dialect: Dialect
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON")
    await installation.publish("MASTODON", content="Soon")

    await dialect.retry_failed(Which(platform="MASTODON"))
    await installation.run_due()
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert await posts_of(installation) == {"Soon": ("published", {"MASTODON": "published"})}
    assert len(installation.posts("MASTODON")) == 1


async def test_another_workspaces_account_is_nobodys(
    installation: Installation, dialect: Dialect
) -> None:
    await fail(installation, "Mine", "MASTODON")
    theirs = await installation.new_account(
        "MASTODON", "stranger", await installation.new_workspace()
    )

    with pytest.raises(Refused, match="validation_error"):
        await dialect.retry_failed(Which(account=theirs))

    assert await posts_of(installation) == {"Mine": ("failed", {"MASTODON": "failed"})}


@statements("P27")
@pytest.mark.parametrize("which", [Which(), Which(posts=[])])
async def test_everything_there_ever_was_is_not_retried(
    installation: Installation, dialect: Dialect, which: Which
) -> None:
    await fail(installation, "Mine", "MASTODON")

    with pytest.raises(Refused, match="no_filter"):
        await dialect.retry_failed(which)

    assert await posts_of(installation) == {"Mine": ("failed", {"MASTODON": "failed"})}
