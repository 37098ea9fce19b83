"""How a delivery is tried, tried again, and given up; and what becomes of its endpoint."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from installation import Installation
from loopback import Answer, answering, endless, hang, serving
from oncue.lib import ids
from oncue.lib.outbound import Answered, Unreachable
from oncue.webhooks.delivery import Deliverer
from oncue.webhooks.models import DeliveryAttempt, WebhookEndpoint
from oncue.webhooks.schedule import WAITS
from oncue.webhooks.settling import AT_ONCE, LEASE, claim_due
from webhooks.hooks import Expected, attempts, deliveries, dispatch, heard, hook, shown

pytestmark = pytest.mark.anyio

FAILED = answering(500, b"oh")


async def make_event(installation: Installation) -> None:
    """Something that endpoints are told of at once."""
    await installation.create("MASTODON", isManualSave=True)


async def told_once(
    installation: Installation, *answers: Answer, **fields: Any
) -> tuple[dict[str, Any], dict[str, Any], list[Mapping[str, str]]]:
    """An endpoint that answers like this to one event, its delivery, the headers it got."""
    async with serving(*answers) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"], **fields)
        await make_event(installation)
        await installation.errands()
        got = [each.headers for each in heard(receiver)]
    [delivery] = await deliveries(installation, endpoint)
    return endpoint, delivery, got


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_what_is_delivered_is_logged_with_the_answer(installation: Installation) -> None:
    endpoint, delivery, _ = await told_once(installation, answering(201, b"thanks\x00"))

    now = "2026-11-22T12:00:00.000Z"
    [attempt] = await attempts(installation, endpoint, delivery)
    assert delivery == delivery | {
        "status": "delivered",
        "success": True,
        "attemptCount": 1,
        "retryCount": 0,
        "nextAttemptAt": None,
        "statusCode": 201,
        "error": None,
        "deliveredAt": now,
    }
    assert attempt == {
        "number": 1,
        "attemptedAt": now,
        "statusCode": 201,
        "latencyMs": delivery["latencyMs"],
        "responseBody": "thanks\N{REPLACEMENT CHARACTER}",
        "error": None,
    }
    assert (await shown(installation, endpoint))["lastDeliveryAt"] == now


async def test_a_failure_is_tried_again_on_schedule_under_the_same_id(
    installation: Installation,
) -> None:
    async with serving(FAILED) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        await installation.errands()
        for number, wait in enumerate(WAITS[1:], start=1):
            [delivery] = await deliveries(installation, endpoint)
            due = when(delivery["nextAttemptAt"])
            assert delivery["attemptCount"] == number
            assert wait <= due - installation.clock() <= wait * 1.1
            installation.clock.now = due - timedelta(milliseconds=1)
            await installation.errands()
            assert len(receiver.asked) == number
            installation.clock.now = due
            await installation.errands()
        installation.clock.advance(days=1)
        await installation.errands()
        got = [each.headers for each in heard(receiver)]

    [delivery] = await deliveries(installation, endpoint, "?status=EXHAUSTED")
    assert delivery == delivery | {
        "status": "exhausted",
        "success": False,
        "attemptCount": 8,
        "nextAttemptAt": None,
        "statusCode": 500,
        "error": "it answers 500",
    }
    assert len(await attempts(installation, endpoint, delivery)) == 8
    assert {headers["webhook-id"] for headers in got} == {delivery["eventId"]}
    assert len({headers["webhook-timestamp"] for headers in got}) == 8
    assert len({headers["webhook-signature"] for headers in got}) == 8


async def test_a_redirect_is_a_failure_and_is_not_followed(installation: Installation) -> None:
    async with serving(answering()) as other:
        _, delivery, _ = await told_once(installation, answering(302, location=other.url))

    assert other.asked == []
    assert (delivery["status"], delivery["statusCode"]) == ("pending", 302)
    assert delivery["error"] == "it answers 302, and redirects are not followed"


@pytest.mark.parametrize(("asked", "wait"), [("3600", 3600), ("1", 5), ("864000", 36_000)])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_receiver_says_when_to_come_back(
    installation: Installation, status: int, asked: str, wait: int
) -> None:
    _, delivery, _ = await told_once(installation, answering(status, retry_after=asked))

    pause = when(delivery["nextAttemptAt"]) - installation.clock()
    assert timedelta(seconds=wait) <= pause <= timedelta(seconds=wait * 1.1)


async def test_a_receiver_that_is_gone_is_disabled_at_once(installation: Installation) -> None:
    async with serving(answering()) as watcher:
        await hook(installation, watcher.url, events=["webhook.disabled"])
        endpoint, delivery, _ = await told_once(installation, answering(410))
        await make_event(installation)
        await installation.errands()

    disabled = await shown(installation, endpoint)
    assert delivery["status"] == "disabled"
    assert (disabled["enabled"], disabled["active"]) == (False, False)
    assert disabled["disabledReason"] == "It answered 410 Gone: it wants nothing any more"
    assert len(await deliveries(installation, endpoint)) == 1
    [told] = [each.json["data"] for each in heard(watcher)]
    assert (told["id"], told["reason"]) == (endpoint["id"], disabled["disabledReason"])


async def test_a_receiver_can_refuse_one_message_and_keep_the_others(
    installation: Installation,
) -> None:
    refusing = answering(400, webhook_delivery="abort-message")
    endpoint, delivery, _ = await told_once(installation, refusing)

    now = await shown(installation, endpoint)
    assert (delivery["status"], delivery["nextAttemptAt"]) == ("aborted", None)
    assert (now["enabled"], now["failureCount"]) == (True, 0)


async def test_five_days_of_nothing_but_failures_disable_an_endpoint(
    installation: Installation,
) -> None:
    async with serving(FAILED) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        for _ in range(23):  # every six hours; the third failure starts the clock
            await make_event(installation)
            await installation.errands()
            installation.clock.advance(hours=6)
        dead = await shown(installation, endpoint)
        waiting = await deliveries(installation, endpoint, "?status=pending&limit=100")
        stopped = await deliveries(installation, endpoint, "?status=disabled&limit=100")

        path = f"/v1/webhooks/{endpoint['id']}"
        revived = (await installation.api.patch(path, json={"enabled": True})).json()

    assert dead["enabled"] is False
    assert dead["disabledReason"] == "Nothing but failures for five days"
    assert dead["failureCount"] > 23
    assert waiting == []
    assert stopped
    assert revived == revived | {
        "enabled": True,
        "disabledReason": None,
        "failingSince": None,
        "failureCount": 0,
    }


async def test_one_success_ends_a_row_of_failures(installation: Installation) -> None:
    async with serving(FAILED, FAILED, FAILED, answering()) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        for _ in range(3):
            await make_event(installation)
        await installation.errands()
        failing = await shown(installation, endpoint)
        installation.clock.advance(seconds=6)
        await installation.errands()

    well = await shown(installation, endpoint)
    assert (failing["failureCount"], failing["failingSince"]) == (3, "2026-11-22T12:00:00.000Z")
    assert (well["failureCount"], well["failingSince"]) == (0, None)


async def test_a_name_that_has_turned_private_is_not_called(installation: Installation) -> None:
    endpoint = await hook(installation, "https://turning.test/", events=["post.created"])
    await make_event(installation)
    await installation.errands()

    [delivery] = await deliveries(installation, endpoint)
    assert (delivery["status"], delivery["statusCode"]) == ("pending", None)
    assert delivery["error"] == "The address may not be called: its host has no public address"


async def test_of_an_endless_answer_the_beginning_is_kept(installation: Installation) -> None:
    endpoint, delivery, _ = await told_once(installation, endless(b"HTTP/1.1 200 OK\r\n\r\n"))

    [attempt] = await attempts(installation, endpoint, delivery)
    assert delivery["status"] == "delivered"
    assert attempt["responseBody"] == "x" * 2_000


async def test_an_answer_is_waited_for_fifteen_seconds(installation: Installation) -> None:
    asked: list[timedelta] = []

    class Silent:
        async def post(
            self, url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta
        ) -> Answered:
            asked.append(timeout)
            raise Unreachable(f"no answer within {timeout.total_seconds():g} seconds")

    endpoint = await hook(installation, "https://hooks.example/", events=["post.created"])
    await make_event(installation)
    await dispatch(installation)

    await deliverer(installation, Silent()).deliver()

    [delivery] = await deliveries(installation, endpoint)
    assert asked == [timedelta(seconds=15)]
    assert delivery["error"] == "no answer within 15 seconds"


def deliverer(installation: Installation, outbound: Any, db: Any = None) -> Deliverer:
    """One more process that delivers."""
    return Deliverer(
        db=db or installation.db,
        vault=installation.services.vault,
        outbound=outbound,
        now=installation.clock,
    )


async def test_what_hangs_delays_nothing_else(installation: Installation) -> None:
    others, events = 20, AT_ONCE + 2
    healthy = Expected(others * events)
    async with serving(hang) as hanging, serving(healthy) as receiver:
        slow = await hook(installation, hanging.url, events=["post.created"])
        for number in range(others):
            await hook(installation, f"{receiver.url}/{number}", events=["post.created"])
        for _ in range(events):
            await make_event(installation)
        working = asyncio.create_task(installation.errands())
        await healthy.all_came.wait()
        assert len(hanging.asked) == AT_ONCE
        assert {each["attemptCount"] for each in await deliveries(installation, slow)} == {0}
        await cut_short(working)


async def test_what_waits_for_a_busy_receiver_is_passed_over_without_holding_up_writes(
    installation: Installation,
) -> None:
    taken: list[int] = []

    class Watched:
        read = staticmethod(installation.db.read)

        async def write(self, work: Any) -> Any:
            done = await installation.db.write(work)
            if isinstance(done, list):
                taken.append(len(done))
            return done

    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.created"])
        for _ in range(AT_ONCE * 3):
            await make_event(installation)
        await dispatch(installation)
        await deliverer(installation, installation.services.outbound, Watched()).deliver()

    assert sum(taken) == len(receiver.asked) == AT_ONCE * 3
    assert 0 not in taken


async def test_an_attempt_that_was_cut_short_is_made_again_when_its_lease_has_run_out(
    installation: Installation,
) -> None:
    hanging = Expected(1, answers=False)
    async with serving(hanging, answering()) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        working = asyncio.create_task(installation.errands())
        await hanging.all_came.wait()
        await cut_short(working)
        await installation.errands()
        before = len(receiver.asked)
        installation.clock.now += LEASE
        await installation.errands()

    first, again = heard(receiver)
    [delivery] = await deliveries(installation, endpoint)
    assert before == 1
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body
    assert (delivery["status"], delivery["attemptCount"]) == ("delivered", 1)


async def cut_short(working: "asyncio.Task[None]") -> None:
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_two_processes_deliver_each_message_once(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.created"])
        for _ in range(30):
            await make_event(installation)
        await asyncio.gather(*(dispatch(installation) for _ in range(4)))
        workers = [deliverer(installation, installation.services.outbound) for _ in range(3)]
        await asyncio.gather(*(worker.deliver() for worker in workers))

    told = [each.headers["webhook-id"] for each in heard(receiver)]
    assert len(told) == len(set(told)) == 30


async def test_a_process_that_comes_back_too_late_writes_nothing(
    installation: Installation,
) -> None:
    async with serving(answering()) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        await dispatch(installation)
        now = installation.clock()
        [late] = await installation.db.write(lambda session: claim_due(session, {}, now))
        installation.clock.now += LEASE
        await installation.errands()

        await deliverer(installation, installation.services.outbound)._try(late)

    [delivery] = await deliveries(installation, endpoint)
    assert len(receiver.asked) == 2
    assert len(await attempts(installation, endpoint, delivery)) == 1


async def test_a_bug_in_one_delivery_stops_no_other(installation: Installation) -> None:
    class Broken:
        async def post(self, url: str, *rest: Any) -> Answered:
            if url.endswith("/broken"):
                raise ZeroDivisionError
            body, headers, timeout = rest
            return await installation.services.outbound.post(url, body, headers, timeout)

    async with serving(answering()) as receiver:
        await hook(installation, f"{receiver.url}/broken", events=["post.created"])
        await hook(installation, f"{receiver.url}/well", events=["post.created"])
        await make_event(installation)
        await dispatch(installation)
        again = await deliverer(installation, Broken()).deliver()

    assert len(receiver.asked) == 1
    assert again == installation.clock() + LEASE


async def test_a_secret_from_another_row_is_not_used(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        one = await hook(installation, receiver.url, events=["post.created"])
        await hook(installation, receiver.url, events=["post.failed"])
        await installation.db.write(swap_secrets)
        await make_event(installation)
        await installation.errands()

    [delivery] = await deliveries(installation, one)
    assert receiver.asked == []
    assert delivery["error"] == "The signing secret cannot be opened: rotate it"


def swap_secrets(session: Session) -> None:
    """Exchange the sealed secrets of the two endpoints there are."""
    one, two = session.scalars(select(WebhookEndpoint)).all()
    one.secret, two.secret = two.secret, one.secret


async def test_after_thirty_days_a_delivery_is_forgotten(installation: Installation) -> None:
    async with serving(answering(), FAILED) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        await installation.errands()
        [delivered] = await deliveries(installation, endpoint)
        await make_event(installation)
        await installation.errands()
        [waiting] = await deliveries(installation, endpoint, "?status=pending")

        installation.clock.advance(days=30)
        await installation.errands()
        kept = await deliveries(installation, endpoint)
        installation.clock.advance(hours=1)
        await installation.errands()

    def attempts_of(session: Session) -> set[str]:
        found = session.scalars(select(DeliveryAttempt.delivery_id))
        return {ids.to_typeid("dlv", delivery_id) for delivery_id in found}

    assert [each["id"] for each in kept] == [waiting["id"], delivered["id"]]
    assert [each["id"] for each in await deliveries(installation, endpoint)] == [waiting["id"]]
    assert await installation.db.read(attempts_of) == {waiting["id"]}
