"""What is refused with credentials that were replaced meanwhile goes out with those that replaced
them: the refusal says nothing about these.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest

from installation import Clock, Installation, install
from oncue.db.open import open_database
from oncue.lib.http import Answer, HttpClient, Request
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

MARIA: Final = {
    "MASTODON": {
        "platform": "MASTODON",
        "credentials": {"accessToken": "sandbox:oncue"},
        "serverUrl": "https://mastodon.sandbox.test",
    },
    "TWITTER": {"platform": "TWITTER", "credentials": {"accessToken": "sandbox:oncue"}},
}


class Meanwhile(HttpClient):
    """Lets something happen between a network's refusal and our hearing of it."""

    def __init__(self) -> None:
        super().__init__(timeout=2)
        self.deeds: list[Callable[[], Awaitable[Any]]] = []

    async def send(self, request: Request) -> Answer:
        answer = await super().send(request)
        if answer.status == 401 and self.deeds:
            await self.deeds.pop(0)()
        return answer


@pytest.fixture
async def meanwhile() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
async def installation(
    settings: Settings, clock: Clock, meanwhile: Meanwhile
) -> AsyncIterator[Installation]:
    db = open_database(settings)
    try:
        async with install(settings, db, clock, outbound=meanwhile) as made:
            yield made
    finally:
        await db.close()


async def connect(oncue: Installation, platform: str = "MASTODON") -> None:
    answer = await oncue.api.post("/v1/accounts", json=MARIA[platform])
    assert answer.json()["id"] == oncue.account(platform), answer.text


async def disconnect(oncue: Installation) -> None:
    answer = await oncue.api.delete(f"/v1/accounts/{oncue.account('MASTODON')}")
    assert answer.status_code == 200, answer.text


async def status(oncue: Installation, platform: str = "MASTODON") -> str:
    answer = await oncue.api.get(f"/v1/accounts/{oncue.account(platform)}")
    return str(answer.json()["status"])


async def refused(oncue: Installation, *platforms: str, times: int = 1, **fields: Any) -> Any:
    """A post whose first requests are refused for the account's credentials."""
    names = platforms or ("MASTODON",)
    await oncue.fault(kind="revoked_token", platform=names[0], effect="publish", times=times)
    return await oncue.publish(*names, **fields)


def ending(post: dict[str, Any]) -> tuple[str, list[str]]:
    [shown] = post["platforms"]
    return post["status"], [attempt["status"] for attempt in shown["attempts"]]


async def told(oncue: Installation, post: dict[str, Any]) -> list[str]:
    answer = await oncue.api.get(f"/v1/posts/{post['id']}/events")
    return [event["type"] for event in answer.json()["events"]]


async def test_an_account_that_was_connected_anew_stays_so_and_the_post_goes_out(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    meanwhile.deeds.append(lambda: connect(installation))

    post = await refused(installation)

    assert await status(installation) == "active"
    assert ending(post) == ("published", ["failed", "published"])
    assert "post.held" not in await told(installation, post)
    assert len(installation.posts("MASTODON")) == 1


async def test_it_needs_no_retry_for_that(installation: Installation, meanwhile: Meanwhile) -> None:
    await installation.api.patch("/v1/workspace", json={"autoRetry": False})
    meanwhile.deeds.append(lambda: connect(installation))

    post = await refused(installation)

    assert (post["status"], post["platforms"][0]["retryCount"]) == ("published", 0)


async def test_one_that_was_disconnected_and_connected_anew_is_no_different(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    async def both() -> None:
        await disconnect(installation)
        await connect(installation)

    meanwhile.deeds.append(both)

    post = await refused(installation)

    assert await status(installation) == "active"
    assert ending(post) == ("published", ["failed", "published"])


async def test_one_that_was_disconnected_is_waited_for_by_nobody(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    meanwhile.deeds.append(lambda: disconnect(installation))

    post = await refused(installation)

    assert await status(installation) == "disconnected"
    assert ending(post) == ("failed", ["failed"])


async def test_where_the_newer_ones_are_refused_too_the_post_waits(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    meanwhile.deeds.append(lambda: connect(installation))

    post = await refused(installation, times=2)

    assert await status(installation) == "expired"
    assert ending(post) == ("scheduled", ["failed", "failed"])
    assert post["platforms"][0]["heldReason"] == "account"


async def test_nothing_of_a_thread_that_is_out_is_sent_again(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    items = [{"sequence": number, "content": f"{number}/"} for number in (1, 2, 3)]
    await installation.fault(kind="slow", platform="TWITTER", effect="publish", seconds=0)
    meanwhile.deeds.append(lambda: connect(installation, "TWITTER"))

    post = await refused(installation, "TWITTER", threadPosts=items)

    assert (post["status"], await status(installation, "TWITTER")) == ("published", "active")
    assert [entry.text for entry in installation.posts("TWITTER")] == ["1/", "2/", "3/"]


async def test_a_test_of_an_account_that_is_connected_anew_meanwhile_speaks_of_the_newer_ones(
    installation: Installation, meanwhile: Meanwhile
) -> None:
    meanwhile.deeds.append(lambda: connect(installation))
    await installation.fault(kind="revoked_token", platform="MASTODON")

    answer = await installation.api.post(f"/v1/accounts/{installation.account('MASTODON')}/test")

    assert (answer.json()["success"], await status(installation)) == (True, "active")
