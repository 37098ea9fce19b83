"""/v1/webhooks: making endpoints, changing them, testing them, and replaying what they missed."""

from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from api.answers import NOBODY, Problem, invalid, problem, rows, too_long
from installation import Installation
from loopback import answering, serving
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.webhooks import history
from oncue.webhooks.models import WebhookEndpoint
from oncue.webhooks.types import TYPES
from oncue.workspaces.models import IdempotencyKey
from webhooks.hooks import attempts, deliveries, heard, hook, shown, types

pytestmark = pytest.mark.anyio

URL = "https://hooks.example/oncue"
NOON = "2026-11-22T12:00:00.000Z"


async def post(installation: Installation, path: str, body: Any = None) -> httpx.Response:
    return await installation.api.post(f"/v1/webhooks{path}", json=body)


async def patch(
    installation: Installation, endpoint: dict[str, Any], **fields: Any
) -> httpx.Response:
    return await installation.api.patch(f"/v1/webhooks/{endpoint['id']}", json=fields)


async def make_event(installation: Installation) -> None:
    await installation.create("MASTODON", isManualSave=True)
    await installation.errands()


async def test_an_endpoint_is_made_and_its_secret_shown_once(installation: Installation) -> None:
    events = ["post.failed", "post.published", "post.failed"]
    made = await hook(installation, URL, events=events, description="Chat")

    secret = made.pop("secret")
    assert made == {
        "id": made["id"],
        "url": URL,
        "description": "Chat",
        "events": ["post.published", "post.failed"],
        "signatureHeader": "X-Oncue-Signature",
        "enabled": True,
        "active": True,
        "disabledReason": None,
        "failingSince": None,
        "failureCount": 0,
        "lastDeliveryAt": None,
        "previousSecretUntil": None,
        "createdAt": NOON,
        "updatedAt": NOON,
    }
    assert ids.from_typeid("wh", made["id"])
    assert secret.startswith("whsec_")
    assert await shown(installation, made) == made


async def test_a_secret_is_nowhere_in_the_database(installation: Installation) -> None:
    headers = {"idempotency-key": "once"}
    body = {"url": URL}
    made = await installation.api.post("/v1/webhooks", json=body, headers=headers)
    again = await installation.api.post("/v1/webhooks", json=body, headers=headers)

    def stored(session: Session) -> str:
        [kept] = session.scalars(select(IdempotencyKey.body)).all()
        [row] = session.scalars(select(WebhookEndpoint)).all()
        return f"{kept} {row.secret}"

    secret = made.json()["secret"].removeprefix("whsec_")
    assert again.content == made.content
    assert again.headers["idempotent-replayed"] == "true"
    assert secret not in await installation.db.read(stored)


async def test_a_list_has_every_endpoint_under_both_names(installation: Installation) -> None:
    made = [await hook(installation, f"{URL}/{number}") for number in range(3)]

    first = (await installation.api.get("/v1/webhooks?limit=2")).json()
    cursor = first["pagination"]["next_cursor"]
    second = (await installation.api.get(f"/v1/webhooks?limit=2&cursor={cursor}")).json()

    found = [*first["data"], *second["data"]]
    assert [each["id"] for each in found] == [each["id"] for each in made]
    assert all("secret" not in each for each in found)
    assert first["webhooks"] == first["data"]
    assert second["pagination"]["has_more"] is False


async def test_everything_of_an_endpoint_can_be_changed(installation: Installation) -> None:
    made = await hook(installation, URL)
    installation.clock.advance(seconds=1)

    answer = await patch(
        installation,
        made,
        url=f"{URL}/new",
        events=["POST.CREATED"],
        description="New",
        signatureHeader="X-Hub-Signature-256",
    )

    del made["secret"]
    assert answer.json() == made | {
        "url": f"{URL}/new",
        "events": ["post.created"],
        "description": "New",
        "signatureHeader": "X-Hub-Signature-256",
        "updatedAt": "2026-11-22T12:00:01.000Z",
    }


async def test_a_deleted_endpoint_is_gone_with_its_log(installation: Installation) -> None:
    before = await rows(installation)
    async with serving(answering()) as receiver:
        made = await hook(installation, receiver.url, events=["webhook.disabled", "post.created"])
        await make_event(installation)
        answer = await installation.api.delete(f"/v1/webhooks/{made['id']}")
        again = await installation.api.delete(f"/v1/webhooks/{made['id']}")
        await make_event(installation)

    after = await rows(installation)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert problem(again) == (404, "NOT_FOUND", None)
    assert len(receiver.asked) == 1
    for table in ("webhook_endpoint", "delivery", "delivery_attempt"):
        assert after[table] == before[table] == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://10.0.0.1/",
        "https://2130706433/",
        "https://user:pass@hooks.example/",
        "https://hooks.example/a b",
        "ftp://hooks.example/",
        "hooks.example",
        "",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused(
    installation: Installation, url: str
) -> None:
    made = await hook(installation, URL)
    before = await rows(installation)

    answers = [
        await post(installation, "", {"url": url}),
        await patch(installation, made, url=url),
    ]

    refused = invalid("url", code="URL_NOT_ALLOWED")
    assert [problem(answer) for answer in answers] == [refused] * 2
    assert await rows(installation) == before


async def test_what_cannot_be_is_refused_by_name(installation: Installation) -> None:
    bodies: list[tuple[dict[str, Any], Problem]] = [
        ({}, invalid("url")),
        ({"events": []}, invalid("events")),
        ({"events": ["post.created", "post.eaten"]}, invalid("events[1]")),
        ({"events": "*"}, invalid("events")),
        ({"signatureHeader": "Content-Length"}, invalid("signatureHeader")),
        ({"signatureHeader": "webhook-signature"}, invalid("signatureHeader")),
        ({"description": "d" * 501}, too_long("description", 500)),
        ({"enabled": "yes"}, invalid("enabled")),
        ({"secret": "mine"}, invalid("secret")),
    ]

    refused = [
        problem(await post(installation, "", {"url": URL} | fields if fields else {}))
        for fields, _ in bodies
    ]

    assert refused == [expected for _, expected in bodies]
    assert (await installation.api.get("/v1/webhooks")).json()["data"] == []


async def test_every_type_there_is_can_be_asked_for(installation: Installation) -> None:
    each = await hook(installation, URL, events=list(TYPES))
    everything = await hook(installation, URL, events=["post.created", "*"])
    plain = await hook(installation, URL)

    assert each["events"] == list(TYPES)
    assert everything["events"] == plain["events"] == ["*"]


async def test_a_disabled_endpoint_is_told_nothing_and_what_waited_is_stopped(
    installation: Installation,
) -> None:
    async with serving(answering(500), answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        disabled = (await patch(installation, made, enabled=False)).json()
        installation.clock.advance(days=1)
        await make_event(installation)

    [delivery] = await deliveries(installation, made)
    assert disabled["disabledReason"] == "It was switched off by request"
    assert (delivery["status"], delivery["nextAttemptAt"]) == ("disabled", None)
    assert len(receiver.asked) == 1


async def test_a_rotated_secret_signs_on_for_a_day(installation: Installation) -> None:
    installation.clock.now = utc_now()  # the verifier knows no clock but the machine's
    async with serving(answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        rotated = (await post(installation, f"/{made['id']}/rotate-secret")).json()
        await make_event(installation)
        installation.clock.advance(hours=24)
        await make_event(installation)

    during, after = heard(receiver)
    old, new = made["secret"], rotated["secret"]
    Webhook(old).verify(during.body, dict(during.headers))
    Webhook(new).verify(during.body, dict(during.headers))
    assert len(during.headers["webhook-signature"].split()) == 2
    assert len(after.headers["webhook-signature"].split()) == 1
    assert rotated["previousSecretUntil"] is not None
    assert (await shown(installation, made)).keys() == rotated.keys() - {"secret"}


async def test_a_secret_that_leaked_ends_at_once(installation: Installation) -> None:
    installation.clock.now = utc_now()
    async with serving(answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        older = (await post(installation, f"/{made['id']}/rotate-secret")).json()
        order = {"graceSeconds": 0}
        rotated = (await post(installation, f"/{made['id']}/rotate-secret", order)).json()
        await make_event(installation)

    [told] = heard(receiver)
    Webhook(rotated["secret"]).verify(told.body, dict(told.headers))
    for secret in (made["secret"], older["secret"]):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(told.body, dict(told.headers))


async def test_a_grace_has_its_limits(installation: Installation) -> None:
    made = await hook(installation, URL)

    for seconds, facts in ((-1, {"limit": 0}), (2_592_001, {"limit": 2_592_000}), ("1", {})):
        answer = await post(installation, f"/{made['id']}/rotate-secret", {"graceSeconds": seconds})
        assert problem(answer) == invalid("graceSeconds", **facts)


async def test_a_test_is_sent_at_once_and_its_answer_shown(installation: Installation) -> None:
    async with serving(answering(200, b"fine"), answering(500, b"not fine")) as receiver:
        made = await hook(installation, receiver.url, enabled=False)
        good = (await post(installation, "/test", {"webhookId": made["id"]})).json()
        bad = (await post(installation, f"/{made['id']}/test")).json()
        installation.clock.advance(days=1)
        await installation.errands()

    assert good == {
        "data": {
            "id": good["data"]["id"],
            "webhookId": made["id"],
            "eventType": "webhook.test",
            "url": receiver.url,
            "statusCode": 200,
            "latencyMs": good["data"]["latencyMs"],
            "responseBody": "fine",
            "retryCount": 0,
            "success": True,
            "error": None,
            "createdAt": NOON,
            "deliveredAt": NOON,
        }
    }
    assert bad["data"] == bad["data"] | {
        "statusCode": 500,
        "responseBody": "not fine",
        "success": False,
        "error": "it answers 500",
        "deliveredAt": None,
    }
    assert types(receiver) == ["webhook.test"] * 2
    logged = await deliveries(installation, made)
    assert [each["id"] for each in logged] == [bad["data"]["id"], good["data"]["id"]]
    assert (await shown(installation, made))["failureCount"] == 0


async def test_a_test_of_nobody_or_of_nothing_is_refused(installation: Installation) -> None:
    nobody = ids.to_typeid("wh", NOBODY)

    assert problem(await post(installation, "/test", {"webhookId": nobody}))[0] == 404
    assert problem(await post(installation, "/test", {})) == invalid("webhookId")


async def test_a_delivery_is_replayed_under_its_own_id(installation: Installation) -> None:
    async with serving(answering(), answering(500), answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        [delivery] = await deliveries(installation, made)
        path = f"/{made['id']}/deliveries/{delivery['id']}"
        answer = await post(installation, f"{path}/replay")
        await installation.errands()
        installation.clock.advance(seconds=6)
        await installation.errands()

    [after] = await deliveries(installation, made)
    tried = await attempts(installation, made, delivery)
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert len({each.headers["webhook-id"] for each in heard(receiver)}) == 1
    assert len({each.body for each in heard(receiver)}) == 1
    assert [(each["number"], each["statusCode"]) for each in tried] == [
        (1, 200),
        (2, 500),
        (3, 200),
    ]
    assert (after["status"], after["attemptCount"]) == ("delivered", 2)


async def test_what_an_endpoint_missed_is_replayed_by_range(installation: Installation) -> None:
    async with serving(answering(410), answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        await make_event(installation)
        path, order = f"/{made['id']}/replay", {"from": NOON, "to": "2026-11-22T13:00:00Z"}
        disabled = await post(installation, path, order)
        await patch(installation, made, enabled=True)
        missed = (await post(installation, path, order)).json()
        await installation.errands()
        delivered = (await post(installation, path, order)).json()
        again = (await post(installation, path, order | {"status": "DELIVERED"})).json()
        later = {"from": "2026-11-22T12:00:00.001Z", "to": "2026-11-22T13:00:00Z"}
        outside = (await post(installation, path, later | {"status": "delivered"})).json()

    assert problem(disabled)[:2] == (409, "CONFLICT")
    assert [missed, delivered, again, outside] == [{"replayed": n} for n in (1, 0, 1, 0)]
    assert len(receiver.asked) == 2


async def test_a_long_range_is_replayed_in_short_transactions(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PART", 2)
    async with serving(answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        for _ in range(5):
            await make_event(installation)
        order = {"from": NOON, "to": "2026-11-22T13:00:00Z", "status": "delivered"}
        path, headers = f"/v1/webhooks/{made['id']}/replay", {"idempotency-key": "one"}

        answer = await installation.api.post(path, json=order, headers=headers)
        waiting = await deliveries(installation, made, "?status=pending")
        await installation.errands()
        again = await installation.api.post(path, json=order, headers=headers)
        await installation.errands()

    assert (answer.json(), len(waiting)) == ({"replayed": 5}, 5)
    assert again.content == answer.content
    assert len(receiver.asked) == 10


async def test_a_range_has_two_ends_in_order(installation: Installation) -> None:
    made = await hook(installation, URL)
    path = f"/{made['id']}/replay"

    backwards = await post(installation, path, {"from": NOON, "to": "2026-11-21T12:00:00Z"})
    open_ended = await post(installation, path, {"from": NOON})
    unknown = await post(installation, path, {"from": NOON, "to": NOON, "status": "lost"})

    assert problem(backwards) == invalid("to")
    assert problem(open_ended) == invalid("to")
    assert problem(unknown) == invalid("status")


async def test_a_log_is_read_in_pages_the_newest_first(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        made = await hook(installation, receiver.url, events=["post.created"])
        for _ in range(3):
            await make_event(installation)
        path = f"/v1/webhooks/{made['id']}/deliveries"
        first = (await installation.api.get(f"{path}?limit=2&status=delivered")).json()
        cursor = first["pagination"]["next_cursor"]
        second = (await installation.api.get(f"{path}?limit=2&cursor={cursor}")).json()
        none = (await installation.api.get(f"{path}?status=pending")).json()
        wrong = await installation.api.get(f"{path}?status=lost")

    told = [each.headers["webhook-id"] for each in heard(receiver)]
    found = [each["eventId"] for each in (*first["data"], *second["data"])]
    assert sorted(found) == sorted(told)
    assert found == sorted(found, reverse=True)
    assert none["data"] == []
    assert problem(wrong) == invalid("status")
