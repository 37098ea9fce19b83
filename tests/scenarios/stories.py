"""What stories about misfortunes are told with."""

import struct
from datetime import timedelta
from typing import Any, Final

from installation import Installation
from oncue.publishing.promoter import next_due

EVERYWHERE: Final = ("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")


def by_platform(post: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The post's destinations by platform constant."""
    return {shown["platform"].upper(): shown for shown in post["platforms"]}


def end_of(shown: dict[str, Any]) -> str:
    """How it stands with a destination, in a word."""
    if shown["needsReview"]:
        assert shown["error"].startswith("OUTCOME_UNKNOWN")
        return "unknown"
    if shown["nextRetryAt"] is not None:
        assert shown["status"] == "failed"
        return "planned"
    status: str = shown["status"]
    return status


async def an_hour(oncue: Installation) -> None:
    """Let an hour go by, with everything that comes due in it."""
    end = oncue.clock() + timedelta(hours=1)
    while (due := await oncue.db.read(next_due)) is not None and due <= end:
        oncue.clock.now = max(oncue.clock.now, due)
        await oncue.run_due()
    oncue.clock.now = end


async def until_settled(oncue: Installation, post_id: str) -> dict[str, Any]:
    """The post when nothing of it is on its way any more, but for what is planned."""
    while (post := await oncue.get(post_id))["status"] == "publishing":
        due = await oncue.db.read(next_due)
        assert due is not None, "it waits for nothing"
        oncue.clock.now = max(oncue.clock.now, due)
        await oncue.run_due()
    return post


async def fix(
    oncue: Installation, post: dict[str, Any], platform: str, **body: object
) -> dict[str, Any]:
    """Order one destination to be sent again; the post afterwards."""
    shown = by_platform(post)[platform]
    path = f"/v1/posts/{post['id']}/platforms/{shown['id']}/fix"
    answer = await oncue.api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    await oncue.run_due()
    return await oncue.get(post["id"])


async def resolve(
    oncue: Installation, post: dict[str, Any], platform: str, **body: object
) -> dict[str, Any]:
    """Say what a person saw on a network; the post afterwards."""
    shown = by_platform(post)[platform]
    path = f"/v1/posts/{post['id']}/platforms/{shown['id']}/resolve"
    answer = await oncue.api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    resolved: dict[str, Any] = answer.json()
    return resolved


async def uploaded(
    oncue: Installation, number: int = 1, *, alt: str = "", type_: str = "image/png"
) -> str:
    """A picture in the installation, as different from others as its number."""
    answer = await oncue.api.post(
        "/v1/media",
        files={"file": (f"{number}.png", PICTURES[type_] + bytes([number]) * 40, type_)},
        data={"altText": alt},
    )
    assert answer.status_code == 201, answer.text
    media_id: str = answer.json()["id"]
    return media_id


PICTURES: Final = {
    "image/png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 64, 48),
    "image/gif": b"GIF89a" + struct.pack("<HH", 64, 48),
}
