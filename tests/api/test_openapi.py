"""The served OpenAPI document: it can be had, and what is sent is what it says."""

import copy
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
import yaml
from openapi_schema_validator import OAS31Validator, oas31_format_checker

import browser
import paged
from api.answers import NOBODY
from api.operations import SCOPES, served
from comments.failing import failed_comment
from installation import Installation
from loopback import answering, serving
from oncue.lib import ids
from oncue.lib.addresses import Allowed

pytestmark = pytest.mark.anyio

PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request: which of the scene's things its path names, and what comes with it."""

    named: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    json: Any = None
    file: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def on(post: str, json: Any = None) -> Ask:
    """A request about the scene's post of this kind, and its first destination."""
    return Ask(named={"post_id": post, "platform_id": f"{post}'s platform"}, json=json)


def about(**named: str) -> Ask:
    return Ask(named=named)


UNKNOWN: Final = on("nobody")
NOTHING: Final = Ask(json={})
KEYLESS: Final = Ask(headers={"authorization": ""})
RANGE: Final = "?accountId=@account&startDate=2026-11-23T00:00:00Z&endDate=2026-11-24T00:00:00Z"
NEW: Final = {"content": "Hello", "accountIds": ["@account"], "tags": ["a"]}
RICH: Final = {
    "content": "New",
    "scheduledFor": "2027-01-01T00:00:00Z",
    "metadata": {"n": 1},
    "platformOverrides": {"TWITTER": {"content": "x"}},
}
DAILY: Final = {"recurrenceRule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "timezone": "UTC"}
PAUSE: Final = {"enabled": False}
WEEK: Final = {"timezone": "Europe/Berlin", "slots": [{"day": "MO", "time": "09:00"}]}
HOOK: Final = {"url": "https://hooks.example/"}
YEAR: Final = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
ANNOUNCED: Final = {"filename": "a.png", "contentType": "image/png", "sizeBytes": 54}
MARIA: Final = {"platform": "TWITTER", "credentials": {"accessToken": "sandbox:maria"}}

# For every operation a request that is good and one that is not.
ASKED: Final[Mapping[str, tuple[Ask, Ask]]] = {
    "POST /v1/posts": (Ask(json=NEW), NOTHING),
    "GET /v1/posts": (Ask(query="?status=all"), Ask(query="?limit=0")),
    "GET /v1/posts/{post_id}": (on("partial"), UNKNOWN),
    "PATCH /v1/posts/{post_id}": (on("draft", json=RICH), on("draft", json={"no": 1})),
    "DELETE /v1/posts/{post_id}": (on("doomed"), on("published")),
    "POST /v1/posts/{post_id}/cancel": (on("draft"), on("published")),
    "POST /v1/posts/{post_id}/clone": (on("partial"), UNKNOWN),
    "POST /v1/posts/{post_id}/duplicate": (on("threaded"), UNKNOWN),
    "GET /v1/posts/{post_id}/events": (on("partial"), UNKNOWN),
    "GET /v1/posts/{post_id}/events/latest": (on("partial"), UNKNOWN),
    "GET /v1/posts/{post_id}/replies": (on("published"), UNKNOWN),
    "POST /v1/posts/{post_id}/publish": (on("threaded"), on("published")),
    "POST /v1/posts/{post_id}/retry": (on("failed"), on("published")),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/fix": (on("partial"), on("published")),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/resolve": (
        on("unknown", json={"published": True}),
        on("unknown", json={}),
    ),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/retry-comment": (on("commented"), UNKNOWN),
    "POST /v1/posts/import": (Ask(file=b"content,accountIds"), Ask(query="?dry_run=perhaps")),
    "GET /v1/posts/import/{job_id}/status": (about(job_id="job"), about(job_id="no job")),
    "POST /v1/posts/{post_id}/recurrence": (on("plain", json=DAILY), on("draft", json=DAILY)),
    "GET /v1/posts/{post_id}/recurrence": (on("recurring"), UNKNOWN),
    "PATCH /v1/posts/{post_id}/recurrence": (on("recurring", json=PAUSE), on("draft", json=PAUSE)),
    "GET /v1/posts/{post_id}/recurrence/preview": (on("recurring"), UNKNOWN),
    "POST /v1/posts/{post_id}/recurrence/skip": (
        on("recurring", json={"at": "2026-11-24T09:00:00Z"}),
        on("recurring", json={"at": "2026-11-24T09:01:00Z"}),
    ),
    "GET /v1/posts/{post_id}/recurrence/runs": (on("recurring"), UNKNOWN),
    "DELETE /v1/posts/{post_id}/recurrence": (on("recurring"), UNKNOWN),
    "GET /v1/queue/slots": (Ask(), KEYLESS),
    "PUT /v1/queue/slots": (Ask(json=WEEK), NOTHING),
    "GET /v1/queue/next": (Ask(query="?count=2"), Ask(query="?count=0")),
    "GET /v1/workspace": (Ask(), KEYLESS),
    "PATCH /v1/workspace": (Ask(json={"autoRetry": False}), Ask(json={"plan": "free"})),
    "POST /v1/posts/{post_id}/start-approval": (on("submitted"), on("published")),
    "POST /v1/posts/{post_id}/approve": (on("pending"), on("published")),
    "POST /v1/posts/{post_id}/reject": (
        on("pending too", json={"reason": "No"}),
        on("published", json={"reason": 1}),
    ),
    "POST /v1/posts/validate": (Ask(json={"content": "Hi", "platforms": ["TWITTER"]}), NOTHING),
    "GET /v1/posts/bulk-generate-check": (Ask(query=RANGE), Ask()),
    "GET /v1/posts/preflight": (Ask(query="?platforms=TWITTER,INSTAGRAM"), Ask()),
    "POST /v1/personas": (Ask(json={"name": "Ada"}), NOTHING),
    "GET /v1/personas": (Ask(), Ask(query="?limit=0")),
    "GET /v1/personas/{persona_id}": (
        about(persona_id="persona"),
        about(persona_id="no persona"),
    ),
    "PATCH /v1/personas/{persona_id}": (
        Ask(named={"persona_id": "persona"}, json={"name": "Grace"}),
        Ask(named={"persona_id": "persona"}, json={"name": ""}),
    ),
    "DELETE /v1/personas/{persona_id}": (
        about(persona_id="doomed persona"),
        about(persona_id="no persona"),
    ),
    "POST /v1/posts/retry-failed": (Ask(json={"platform": "TWITTER", "dryRun": True}), NOTHING),
    "GET /v1/accounts": (Ask(), Ask(query="?status=lost")),
    "POST /v1/accounts": (Ask(json=MARIA), NOTHING),
    "GET /v1/accounts/{account_id}": (about(account_id="account"), about(account_id="no account")),
    "POST /v1/accounts/connect/{platform}": (
        Ask(named={"platform": "twitter"}, json={}),
        Ask(named={"platform": "twitter"}, json={"redirectUri": "ftp://app.example"}),
    ),
    "POST /v1/accounts/connect": (
        Ask(json={"platform": "twitter"}),
        Ask(json={"platform": "telegram"}),
    ),
    "POST /v1/accounts/callback/{platform}": (
        Ask(named={"platform": "twitter"}, json={"code": "@code", "state": "@state"}),
        Ask(named={"platform": "twitter"}, json={"code": "1", "state": "2"}),
    ),
    "POST /v1/accounts/{account_id}/refresh": (
        about(account_id="account"),
        about(account_id="no account"),
    ),
    "POST /v1/accounts/{account_id}/test": (
        about(account_id="account"),
        about(account_id="no account"),
    ),
    "GET /v1/accounts/{account_id}/pages": (
        about(account_id="paged account"),
        about(account_id="no account"),
    ),
    "POST /v1/accounts/{account_id}/select-page": (
        Ask(named={"account_id": "paged account"}, json={"pageId": "p1"}),
        Ask(named={"account_id": "account"}, json={"pageId": "p1"}),
    ),
    "DELETE /v1/accounts/{account_id}": (
        about(account_id="doomed account"),
        about(account_id="no account"),
    ),
    "PUT /v1/apps/{platform}": (
        Ask(named={"platform": "twitter"}, json={"clientId": "ours", "clientSecret": "x"}),
        Ask(named={"platform": "mastodon"}, json={"clientId": "ours"}),
    ),
    "GET /v1/apps/{platform}": (about(platform="twitter"), about(platform="mastodon")),
    "DELETE /v1/apps/{platform}": (about(platform="twitter"), about(platform="mastodon")),
    "POST /v1/media": (Ask(file=PNG), Ask(file=b"no image")),
    "GET /v1/media": (Ask(query="?status=ready"), Ask(query="?status=lost")),
    "POST /v1/media/upload": (Ask(json=ANNOUNCED), Ask(json=ANNOUNCED | {"contentType": "x"})),
    "POST /v1/media/register": (Ask(json={"url": "@file"}), Ask(json={"url": "http://a/b.png"})),
    "GET /v1/media/{media_id}": (about(media_id="media"), about(media_id="no media")),
    "PATCH /v1/media/{media_id}": (
        Ask(named={"media_id": "media"}, json={"altText": "A fox"}),
        Ask(named={"media_id": "media"}, json={"altText": 1}),
    ),
    "POST /v1/media/{media_id}/refresh-presign": (
        about(media_id="awaited media"),
        about(media_id="media"),
    ),
    "DELETE /v1/media/{media_id}": (about(media_id="doomed media"), about(media_id="media")),
    "GET /v1/webhooks": (Ask(), Ask(query="?limit=0")),
    "POST /v1/webhooks": (Ask(json=HOOK), Ask(json=HOOK | {"events": ["no"]})),
    "POST /v1/webhooks/test": (Ask(json={"webhookId": "@webhook"}), NOTHING),
    "GET /v1/webhooks/callbacks": (Ask(), Ask(query="?status=no")),
    "POST /v1/webhooks/callbacks/{delivery_id}/replay": (
        about(delivery_id="callback"),
        about(delivery_id="delivery"),
    ),
    "GET /v1/webhooks/{webhook_id}": (about(webhook_id="webhook"), about(webhook_id="no webhook")),
    "PATCH /v1/webhooks/{webhook_id}": (
        Ask(named={"webhook_id": "webhook"}, json={"enabled": True}),
        Ask(named={"webhook_id": "webhook"}, json={"enabled": None}),
    ),
    "DELETE /v1/webhooks/{webhook_id}": (
        about(webhook_id="doomed webhook"),
        about(webhook_id="no webhook"),
    ),
    "POST /v1/webhooks/{webhook_id}/test": (
        about(webhook_id="webhook"),
        about(webhook_id="no webhook"),
    ),
    "POST /v1/webhooks/{webhook_id}/rotate-secret": (
        about(webhook_id="webhook"),
        about(webhook_id="no webhook"),
    ),
    "POST /v1/webhooks/{webhook_id}/replay": (
        Ask(named={"webhook_id": "webhook"}, json=YEAR),
        Ask(named={"webhook_id": "webhook"}, json={}),
    ),
    "GET /v1/webhooks/{webhook_id}/deliveries": (
        about(webhook_id="webhook"),
        about(webhook_id="no webhook"),
    ),
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": (
        about(webhook_id="webhook", delivery_id="delivery"),
        about(webhook_id="webhook", delivery_id="no delivery"),
    ),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": (
        about(webhook_id="webhook", delivery_id="delivery"),
        about(webhook_id="webhook", delivery_id="no delivery"),
    ),
    "GET /v1/auth/me": (Ask(), KEYLESS),
    "GET /v1/health": (Ask(), KEYLESS),
}


async def test_the_document_is_served_as_json_and_as_yaml(installation: Installation) -> None:
    as_json = await installation.api.get("/api/openapi.json", headers={"authorization": ""})
    as_yaml = await installation.api.get("/api/openapi.yaml", headers={"authorization": ""})

    document = as_json.json()
    assert document["openapi"].startswith("3.1")
    assert yaml.load(as_yaml.text, yaml.CSafeLoader) == document
    assert as_yaml.headers["content-type"].startswith("application/yaml")


async def test_every_schema_in_the_document_is_one(installation: Installation) -> None:
    document = await served(installation)

    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        OAS31Validator.check_schema(schema)

    kinds = document["components"].items()
    assert references(document) <= {f"#/components/{kind}/{n}" for kind, of in kinds for n in of}
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def references(part: Any) -> set[str]:
    """Every reference within a part of the document."""
    match part:
        case {"$ref": str(target)}:
            return {target}
        case dict():
            return {target for value in part.values() for target in references(value)}
        case list():
            return {target for value in part for target in references(value)}
        case _:
            return set()


# Operations that are not among these yet, and are asked in rights.asks.
ELSEWHERE: Final = frozenset(
    {
        "POST /v1/posts/{post_id}/unpublish",
        "POST /v1/posts/{post_id}/archive",
        "POST /v1/posts/{post_id}/unarchive",
        "POST /v1/posts/bulk",
        "POST /v1/posts/bulk-video",
        "GET /v1/posts/import/template",
    }
)


def test_every_operation_is_asked() -> None:
    assert ASKED.keys() | COMPAT.keys() | ELSEWHERE == SCOPES.keys()


@pytest.mark.usefixtures("paged")
async def test_what_is_sent_is_what_the_document_says(installation: Installation) -> None:
    document = await served(installation)
    async with staged(installation) as things:
        for operation, asks in ASKED.items():
            good, bad = [await send(installation, operation, ask, things) for ask in asks]
            assert good.is_success, f"{operation}: {good.text}"
            assert bad.is_client_error, f"{operation}: {bad.text}"
            assert wrong_with(good, operation, document) == [], operation
            assert wrong_with(bad, operation, document) == [], operation


# The same for the other dialect, whose refusals are its envelope.
LATER: Final = "2027-01-01T00:00:00Z"
COMPAT: Final[Mapping[str, tuple[Ask, Ask]]] = {
    "POST /api/v1/posts/bulk": (
        Ask(json={"posts": [{"content": "Hello", "account_ids": [1], "scheduled_for": LATER}]}),
        NOTHING,
    ),
    "POST /api/v1/posts/retry-failed": (Ask(json={"platform": "x", "dry_run": True}), NOTHING),
    "GET /api/v1/accounts": (Ask(), Ask(query="?platform=myspace")),
    "GET /api/v1/me": (Ask(), KEYLESS),
}


async def test_the_other_dialect_sends_what_the_document_says_too(
    installation: Installation,
) -> None:
    document = await served(installation)
    await installation.fault(kind="reject", platform="TWITTER")
    await installation.publish("TWITTER")

    for operation, asks in COMPAT.items():
        for ask in asks:
            answer = await send(installation, operation, ask, {"account": ""})
            assert wrong_with(answer, operation, document) == [], operation


async def test_a_schema_that_says_something_else_would_be_noticed(
    installation: Installation,
) -> None:
    document = await served(installation)
    answer = await installation.api.get("/v1/health")
    schemas = document["components"]["schemas"]
    lacking, other, stale = (copy.deepcopy(document) for _ in range(3))
    del lacking["components"]["schemas"]["HealthOut"]["properties"]["version"]
    other["components"]["schemas"]["HealthOut"]["properties"]["status"] = {"type": "integer"}
    stale["components"]["schemas"]["HealthOut"]["required"].append("uptime")

    def noticed(told: Mapping[str, Any]) -> bool:
        return wrong_with(answer, "GET /v1/health", told) != []

    assert schemas["HealthOut"]["required"] == ["status", "version"]
    assert not noticed(document)
    assert noticed(lacking)
    assert noticed(other)
    assert noticed(stale)


def wrong_with(answer: httpx.Response, operation: str, document: Mapping[str, Any]) -> list[str]:
    """Where an answer differs from what the document says of it: too little, other, too much."""
    method, path = operation.split()
    responses = document["paths"][path][method.lower()]["responses"]
    told = responses.get(str(answer.status_code))
    if told is None:
        return [f"status {answer.status_code} is not told of"]
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rpartition("/")[2]]
    if "content" not in told:
        return [f"a body is not told of: {answer.text}"] if answer.content else []
    [(content_type, content)] = told["content"].items()
    assert answer.headers["content-type"] == content_type
    components = {"schemas": closed(document["components"]["schemas"])}
    validator = OAS31Validator(
        {**content["schema"], "components": components}, format_checker=oas31_format_checker
    )
    return [error.message for error in validator.iter_errors(answer.json())]


def closed(schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schemas, with no room for a field they do not name."""
    return {
        name: {"additionalProperties": False, **schema} if "properties" in schema else schema
        for name, schema in schemas.items()
    }


async def send(
    installation: Installation, operation: str, ask: Ask, things: Mapping[str, str]
) -> httpx.Response:
    method, template = operation.split()
    named = {name: things[thing] for name, thing in ask.named.items()}
    text = json.dumps(ask.json)
    for thing in ("account", "webhook", "file", "code", "state"):
        text = text.replace(f"@{thing}", things.get(thing, ""))
    body = json.loads(text)
    return await installation.api.request(
        method,
        template.format(**named) + ask.query.replace("@account", things["account"]),
        json=body,
        files={"file": ("a.png", ask.file, "image/png")} if ask.file else None,
        headers=ask.headers,
    )


@asynccontextmanager
async def staged(installation: Installation) -> AsyncIterator[Mapping[str, str]]:
    """The scene, and as long as the block lasts a file that can be fetched."""
    installation.services.outbound.allowed = Allowed.parse("127.0.0.1")
    async with serving(answering(200, PNG)) as files:
        yield {**await scene(installation), "file": f"{files.url}/a.png"}


async def scene(installation: Installation) -> Mapping[str, str]:
    """Posts of every kind, an account, a file, webhooks, and ids of nothing."""
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    file = {"file": ("a.png", PNG + b"thumbnail", "image/png")}
    media = (await installation.api.post("/v1/media", files=file)).json()
    items = [{"sequence": 1, "content": "1/", "mediaIds": [media["id"]]}]
    doomed_media = (await installation.api.post("/v1/media", files=file)).json()
    posts = {
        "partial": await installation.publish("TWITTER", "MASTODON", media=[media["id"]]),
        "failed": await installation.publish("TWITTER"),
        "unknown": await installation.publish("TELEGRAM"),
        "published": await installation.publish("MASTODON"),
        "plain": await installation.publish("MASTODON"),
        "recurring": await recurring(installation),
        "commented": await commented(installation),
        "threaded": await installation.create("TWITTER", threadPosts=items),
        "draft": await installation.create("MASTODON"),
        "doomed": await installation.create("MASTODON"),
        "submitted": await installation.create("MASTODON"),
        "pending": await installation.create("MASTODON"),
        "pending too": await installation.create("MASTODON"),
    }
    table = {"file": ("a.csv", b"content,accountIds\nHello,nobody", "text/csv")}
    job = (await installation.api.post("/v1/posts/import", files=table)).json()
    await installation.errands()
    for name in ("pending", "pending too"):
        await installation.api.post(f"/v1/posts/{posts[name]['id']}/start-approval")
    persona, doomed_persona = [
        (await installation.api.post("/v1/personas", json={"name": name})).json()["id"]
        for name in ("Ada", "Grace")
    ]
    webhook, doomed = [
        (await installation.api.post("/v1/webhooks", json=HOOK)).json()["id"] for _ in range(2)
    ]
    tested = (await installation.api.post(f"/v1/webhooks/{webhook}/test")).json()["data"]
    awaited = (await installation.api.post("/v1/media/upload", json=ANNOUNCED)).json()
    back = await browser.allow((await browser.begin(installation, "TWITTER"))["authUrl"])
    doomed_account = await installation.new_account("MASTODON", "doomed")
    kinds = {post["status"] for post in posts.values()}
    assert kinds == {"partial", "failed", "published", "draft"}
    return {
        **{name: post["id"] for name, post in posts.items()},
        **{f"{name}'s platform": post["platforms"][0]["id"] for name, post in posts.items()},
        "nobody": ids.to_typeid("post", NOBODY),
        "nobody's platform": ids.to_typeid("pp", NOBODY),
        "account": installation.account("MASTODON"),
        "no account": ids.to_typeid("acc", NOBODY),
        "doomed account": ids.to_typeid("acc", doomed_account.id),
        "paged account": ids.to_typeid("acc", (await paged.connect(installation)).id),
        "code": back.said["code"],
        "state": back.said["state"],
        **{name: name for name in ("twitter", "mastodon")},
        "media": media["id"],
        "media's address": urlsplit(media["url"]).query,
        "thumbnail's address": urlsplit(media["thumbnailUrl"]).query,
        "upload's address": urlsplit(awaited["uploadUrl"]).query,
        "awaited media": awaited["mediaId"],
        "doomed media": doomed_media["id"],
        "persona": persona,
        "doomed persona": doomed_persona,
        "no persona": ids.to_typeid("persona", NOBODY),
        "no media": ids.to_typeid("media", NOBODY),
        "job": job["jobId"],
        "no job": ids.to_typeid("job", NOBODY),
        "webhook": webhook,
        "doomed webhook": doomed,
        "no webhook": ids.to_typeid("wh", NOBODY),
        "delivery": tested["id"],
        "callback": await called_back(installation),
        "no delivery": ids.to_typeid("dlv", NOBODY),
    }


async def commented(installation: Installation) -> dict[str, Any]:
    """A post whose first comment failed."""
    post = await installation.publish("MASTODON")
    await failed_comment(installation, post)
    return post


async def called_back(installation: Installation) -> str:
    """The delivery of a callback that nobody answers."""
    post = await installation.create("MASTODON")
    callback = {"x-callback-url": "https://nobody.test/"}
    await installation.api.post(f"/v1/posts/{post['id']}/publish", headers=callback)
    await installation.run_due()
    await installation.errands()
    [delivery] = (await installation.api.get("/v1/webhooks/callbacks")).json()["data"]
    delivery_id: str = delivery["id"]
    return delivery_id


async def recurring(installation: Installation) -> dict[str, Any]:
    """A post with a rule that has run once."""
    post = await installation.publish("MASTODON")
    await installation.api.post(f"/v1/posts/{post['id']}/recurrence", json=DAILY)
    installation.clock.advance(hours=21)
    await installation.errands()
    await installation.run_due()
    return post
