"""Every misfortune on every network at once: how each destination stands, and what is public."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest

from installation import Installation
from scenarios.stories import EVERYWHERE, an_hour, by_platform, end_of, fix

pytestmark = pytest.mark.anyio

# How a destination stands at once, how an hour later, and how many posts the network holds.
End: TypeAlias = tuple[str, str, int]
NO: Final = ("failed", "failed", 0)
YES: Final = ("published", "published", 1)
RETRIED: Final = ("planned", "published", 1)
FOUND: Final = ("publishing", "published", 1)
HELD: Final = ("pending", "pending", 0)
UNKNOWN: Final = ("unknown", "unknown", 1)
# fmt: off
ENDS: Final[Mapping[str, tuple[End, ...]]] = {
    #                    X        Bluesky  Mastodon  Telegram
    "reject":           (NO,      NO,      NO,       NO),
    "rate_limit":       (RETRIED, RETRIED, RETRIED,  RETRIED),
    "unavailable":      (RETRIED, RETRIED, RETRIED,  RETRIED),
    "accept_then_drop": (FOUND,   YES,     YES,      UNKNOWN),
    "accept_then_500":  (FOUND,   YES,     YES,      UNKNOWN),
    "garbage":          (FOUND,   YES,     YES,      ("unknown", "unknown", 0)),
    "slow":             (YES,     YES,     YES,      YES),
    "expired_token":    (HELD,    YES,     HELD,     HELD),
    "revoked_token":    (HELD,    HELD,    HELD,     HELD),
    "duplicate":        (NO,      NO,      NO,       NO),
}
# fmt: on
async def suffer(oncue: Installation, kind: str) -> dict[str, Any]:
    """Publish a post everywhere while every network has this trouble."""
    for platform in EVERYWHERE:
        await oncue.fault(kind=kind, platform=platform, effect="publish", seconds=0.05)
    return await oncue.publish(*EVERYWHERE)


@pytest.mark.parametrize("kind", ENDS)
async def test_every_fault_on_every_network(installation: Installation, kind: str) -> None:
    post = await suffer(installation, kind)
    at_once = by_platform(post)

    await an_hour(installation)

    later = by_platform(await installation.get(post["id"]))
    found = tuple(
        (end_of(at_once[name]), end_of(later[name]), len(installation.posts(name)))
        for name in EVERYWHERE
    )
    assert found == ENDS[kind]


@pytest.mark.parametrize(
    ("kind", "expired"),
    [
        ("revoked_token", set(EVERYWHERE)),
        ("expired_token", set(EVERYWHERE) - {"BLUESKY"}),
        ("reject", set()),
    ],
)
async def test_accounts_that_have_to_be_connected_again_say_so(
    installation: Installation, kind: str, expired: set[str]
) -> None:
    await suffer(installation, kind)

    shown = (await installation.api.get("/v1/accounts")).json()["data"]

    assert {each["platform"].upper() for each in shown if each["status"] == "expired"} == expired


@pytest.mark.parametrize("kind", ["reject", "duplicate"])
async def test_whatever_failed_for_certain_goes_out_when_it_is_fixed(
    installation: Installation, kind: str
) -> None:
    post = await suffer(installation, kind)

    for platform in EVERYWHERE:
        await fix(installation, post, platform, content=f"Fixed for {platform}")
        await an_hour(installation)

    fixed = await installation.get(post["id"])
    assert fixed["status"] == "published"
    assert {name: [entry.text for entry in installation.posts(name)] for name in EVERYWHERE} == {
        name: [f"Fixed for {name}"] for name in EVERYWHERE
    }


async def test_networks_that_cannot_be_reached_at_all_are_tried_again_and_nothing_is_unknown(
    installation: Installation, free_port: int
) -> None:
    wire = installation.publisher.wire
    nowhere = replace(wire.settings, sandbox_url=f"http://127.0.0.1:{free_port}")
    reachable = installation.publisher
    installation.publisher = replace(reachable, wire=replace(wire, settings=nowhere))

    post = await installation.publish(*EVERYWHERE)
    installation.publisher = reachable
    installation.clock.advance(minutes=3)
    await installation.run_due()

    assert {end_of(shown) for shown in post["platforms"]} == {"planned"}
    assert (await installation.get(post["id"]))["status"] == "published"
    assert [len(installation.posts(name)) for name in EVERYWHERE] == [1] * 4
