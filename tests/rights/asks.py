"""For every operation one request that is good, with a thing of the scene wherever an id stands.

What starts with @ is a thing of rights.scene. A request is sent in the order of this table, so a
later one may use up what an earlier one has read, and reads what an earlier one was told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rights.scene import ANNOUNCED, DAILY, LATER, PNG, WEEK


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request: things by the names of path and query parameters, and what comes with it."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    file: tuple[str, bytes] | None = None


def on(post: str, json: Any = None) -> Ask:
    return Ask(path={"post_id": f"@{post}"}, json=json)


def at(post: str, json: Any = None) -> Ask:
    """A request about the first destination of a post."""
    return Ask(path={"post_id": f"@{post}", "platform_id": f"@{post}'s platform"}, json=json)


def about(json: Any = None, **path: str) -> Ask:
    return Ask(path=path, json=json)


NOTHING: Final = Ask()
PAGE: Final = Ask(query={"cursor": "@cursor"})
RANGE: Final = {"accountId": "@account", "startDate": "2026-11-01T00:00:00Z", "endDate": LATER}
WHOLE: Final = {
    "content": "Hello",
    "accountIds": ["@account"],
    "media": ["@media"],
    "personaId": "@persona",
    "threadPosts": [{"sequence": 1, "content": "1/", "mediaIds": ["@media"]}],
    "platformOverrides": {"TWITTER": {"content": "Hello, X"}},
}
CLIP: Final = {
    "mediaId": "@media",
    "accountIds": ["@account"],
    "scheduledFor": LATER,
    "content": "Look",
}
ELSEWHERE: Final = {
    "content": "Hello",
    "account_ids": ["@number"],
    "media_ids": ["@media"],
    "scheduled_for": LATER,
}
SKETCH: Final = {
    "content": "Hello",
    "platforms": ["TWITTER"],
    "mediaIds": ["@media"],
    "media": [{"type": "image"}],
}
MARIA: Final = {"platform": "TWITTER", "credentials": {"accessToken": "sandbox:maria"}}
YEAR: Final = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}

GOOD: Final[Mapping[str, Ask]] = {
    "GET /v1/auth/me": NOTHING,
    "GET /v1/health": NOTHING,
    "GET /api/v1/me": NOTHING,
    "GET /v1/workspace": NOTHING,
    "PATCH /v1/workspace": Ask(json={"name": "Mine"}),
    "GET /v1/queue/slots": NOTHING,
    "PUT /v1/queue/slots": Ask(json=WEEK),
    "GET /v1/queue/next": NOTHING,
    "GET /v1/accounts": PAGE,
    "POST /v1/accounts": Ask(json=MARIA),
    "GET /v1/accounts/{account_id}": about(account_id="@account"),
    "POST /v1/accounts/connect": Ask(json={"platform": "twitter"}),
    "POST /v1/accounts/connect/{platform}": about({}, platform="twitter"),
    "POST /v1/accounts/callback/{platform}": about(
        {"code": "@code", "state": "@state"}, platform="twitter"
    ),
    "POST /v1/accounts/{account_id}/refresh": about(account_id="@account"),
    "POST /v1/accounts/{account_id}/test": about(account_id="@account"),
    "GET /v1/accounts/{account_id}/pages": about(account_id="@paged account"),
    "POST /v1/accounts/{account_id}/select-page": about(
        {"pageId": "p1"}, account_id="@paged account"
    ),
    "DELETE /v1/accounts/{account_id}": about(account_id="@doomed account"),
    "PUT /v1/apps/{platform}": about(
        {"clientId": "ours", "clientSecret": "hush"}, platform="twitter"
    ),
    "GET /v1/apps/{platform}": about(platform="twitter"),
    "DELETE /v1/apps/{platform}": about(platform="twitter"),
    "GET /api/v1/accounts": NOTHING,
    "POST /v1/media": Ask(file=("a.png", PNG)),
    "GET /v1/media": PAGE,
    "POST /v1/media/upload": Ask(json=ANNOUNCED),
    "POST /v1/media/register": Ask(json={"url": "https://files.example/a.png"}),
    "GET /v1/media/{media_id}": about(media_id="@media"),
    "PATCH /v1/media/{media_id}": about({"altText": "A fox"}, media_id="@media"),
    "POST /v1/media/{media_id}/refresh-presign": about(media_id="@awaited media"),
    "DELETE /v1/media/{media_id}": about(media_id="@doomed media"),
    "POST /v1/personas": Ask(json={"name": "Ada"}),
    "GET /v1/personas": PAGE,
    "GET /v1/personas/{persona_id}": about(persona_id="@persona"),
    "PATCH /v1/personas/{persona_id}": about({"name": "Ada"}, persona_id="@persona"),
    "DELETE /v1/personas/{persona_id}": about(persona_id="@doomed persona"),
    "GET /v1/posts": Ask(query={"accountId": "@account", "cursor": "@cursor"}),
    "GET /v1/posts/{post_id}": on("published"),
    "GET /v1/posts/{post_id}/events": on("published"),
    "GET /v1/posts/{post_id}/events/latest": on("published"),
    "GET /v1/posts/{post_id}/replies": on("published"),
    "GET /v1/posts/preflight": Ask(query={"platforms": "TWITTER"}),
    "GET /v1/posts/bulk-generate-check": Ask(query=RANGE),
    "POST /v1/posts/validate": Ask(json=SKETCH),
    "GET /v1/posts/import/template": NOTHING,
    "POST /v1/posts/import": Ask(file=("a.csv", b"content,accountIds\nHi,no")),
    "GET /v1/posts/import/{job_id}/status": about(job_id="@job"),
    "POST /v1/posts": Ask(json=WHOLE | {"queue": True}),
    "POST /v1/posts/bulk": Ask(json={"posts": [WHOLE]}),
    "POST /v1/posts/bulk-video": Ask(json={"posts": [CLIP]}),
    "POST /api/v1/posts/bulk": Ask(json={"posts": [ELSEWHERE]}),
    "PATCH /v1/posts/{post_id}": on("draft", WHOLE | {"scheduledFor": LATER}),
    "POST /v1/posts/{post_id}/clone": on("published"),
    "POST /v1/posts/{post_id}/duplicate": on("published"),
    "POST /v1/posts/{post_id}/publish": on("ready"),
    "POST /v1/posts/{post_id}/cancel": on("withdrawn"),
    "DELETE /v1/posts/{post_id}": on("doomed"),
    "POST /v1/posts/{post_id}/retry": on("failed"),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/fix": at(
        "failed for good", {"content": "Better", "refreshMedia": True}
    ),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/resolve": at("unknown", {"published": True}),
    "POST /v1/posts/{post_id}/platforms/{platform_id}/retry-comment": at("commented"),
    "POST /v1/posts/retry-failed": Ask(
        json={"postIds": ["@failed elsewhere"], "accountId": "@account"}
    ),
    "POST /api/v1/posts/retry-failed": Ask(
        json={"post_ids": ["@failed again"], "account_id": "@number"}
    ),
    "POST /v1/posts/{post_id}/start-approval": on("submitted", {"scheduledFor": LATER}),
    "POST /v1/posts/{post_id}/approve": on("pending"),
    "POST /v1/posts/{post_id}/reject": on("pending too", {"reason": "No"}),
    "POST /v1/posts/{post_id}/archive": on("old"),
    "POST /v1/posts/{post_id}/unarchive": on("archived"),
    "POST /v1/posts/{post_id}/recurrence": on("plain", DAILY),
    "GET /v1/posts/{post_id}/recurrence": on("recurring"),
    "PATCH /v1/posts/{post_id}/recurrence": on("recurring", {"maxOccurrences": 9}),
    "GET /v1/posts/{post_id}/recurrence/preview": on("recurring"),
    "POST /v1/posts/{post_id}/recurrence/skip": on("recurring", {"at": "2026-11-24T09:00:00Z"}),
    "GET /v1/posts/{post_id}/recurrence/runs": Ask(
        path={"post_id": "@recurring"}, query={"cursor": "@cursor"}
    ),
    "DELETE /v1/posts/{post_id}/recurrence": on("ending"),
    "POST /v1/posts/{post_id}/unpublish": on("public"),
    "POST /v1/webhooks": Ask(json={"url": "https://hooks.example/"}),
    "POST /v1/webhooks/{webhook_id}/rotate-secret": about(
        {"graceSeconds": 60}, webhook_id="@webhook"
    ),
    "GET /v1/webhooks": PAGE,
    "POST /v1/webhooks/test": Ask(json={"webhookId": "@webhook"}),
    "GET /v1/webhooks/callbacks": PAGE,
    "GET /v1/webhooks/{webhook_id}": about(webhook_id="@webhook"),
    "PATCH /v1/webhooks/{webhook_id}": about({"enabled": False}, webhook_id="@doomed webhook"),
    "POST /v1/webhooks/{webhook_id}/test": about(webhook_id="@webhook"),
    "GET /v1/webhooks/{webhook_id}/deliveries": Ask(
        path={"webhook_id": "@webhook"}, query={"cursor": "@cursor"}
    ),
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": about(
        webhook_id="@webhook", delivery_id="@delivery"
    ),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": about(
        webhook_id="@webhook", delivery_id="@delivery"
    ),
    "POST /v1/webhooks/callbacks/{delivery_id}/replay": about(delivery_id="@callback"),
    "POST /v1/webhooks/{webhook_id}/replay": about(YEAR, webhook_id="@webhook"),
    "DELETE /v1/webhooks/{webhook_id}": about(webhook_id="@doomed webhook"),
}
