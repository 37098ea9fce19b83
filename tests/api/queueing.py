"""What the tests of the queue share: a week of slots, queued posts, and a look at their places."""

from collections.abc import Sequence
from typing import Any, Final

from installation import Installation

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONDAY, TUESDAY, WEDNESDAY = (
    f"2026-11-{day}T09:00:00.000Z" for day in (23, 24, 25)
)  # the clock starts on Sunday the 22nd


def daily(*times: str) -> list[dict[str, str]]:
    return [{"day": day, "time": time} for day in DAYS for time in times]


async def set_slots(
    installation: Installation, slots: Sequence[object], timezone: str = "UTC"
) -> Any:
    body = {"timezone": timezone, "slots": slots}
    answer = await installation.api.put("/v1/queue/slots", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def next_free(installation: Installation, count: int) -> list[str]:
    answer = await installation.api.get(f"/v1/queue/next?count={count}")
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["slots"]
    return found


async def queued(installation: Installation, **fields: object) -> dict[str, Any]:
    return await installation.create("MASTODON", queue=True, **fields)


async def order(installation: Installation, post: dict[str, Any], operation: str) -> None:
    answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}")
    assert answer.status_code == 200, answer.text


async def positions(installation: Installation, *posts: dict[str, Any]) -> list[int | None]:
    return [(await installation.get(post["id"]))["queuePosition"] for post in posts]
