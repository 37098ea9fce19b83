"""Every operation of both dialects, the scope it takes, and ids of nothing."""

from collections.abc import Mapping
from typing import Any, Final

import httpx2 as httpx

from api.answers import NOBODY
from installation import Installation
from oncue.lib import ids
from oncue.workspaces.keys import Scope

READ, WRITE = Scope.POSTS_READ, Scope.POSTS_WRITE

# None: any key will do.
SCOPES: Final[Mapping[str, Scope | None]] = {
    "POST /v1/posts": WRITE,
    "GET /v1/posts": READ,
    "GET /v1/posts/{post_id}": READ,
    "PATCH /v1/posts/{post_id}": WRITE,
    "DELETE /v1/posts/{post_id}": WRITE,
    "POST /v1/posts/{post_id}/cancel": WRITE,
    "POST /v1/posts/{post_id}/clone": WRITE,
    "POST /v1/posts/{post_id}/duplicate": WRITE,
    "GET /v1/posts/{post_id}/events": READ,
    "GET /v1/posts/{post_id}/events/latest": READ,
    "GET /v1/posts/{post_id}/replies": READ,
    "POST /v1/posts/{post_id}/publish": WRITE,
    "POST /v1/posts/{post_id}/unpublish": WRITE,
    "POST /v1/posts/{post_id}/archive": WRITE,
    "POST /v1/posts/{post_id}/unarchive": WRITE,
    "POST /v1/posts/{post_id}/retry": WRITE,
    "POST /v1/posts/{post_id}/platforms/{platform_id}/fix": WRITE,
    "POST /v1/posts/{post_id}/platforms/{platform_id}/resolve": WRITE,
    "POST /v1/posts/{post_id}/platforms/{platform_id}/retry-comment": WRITE,
    "POST /v1/posts/bulk": WRITE,
    "POST /v1/posts/bulk-video": WRITE,
    "POST /v1/posts/import": WRITE,
    "GET /v1/posts/import/template": READ,
    "GET /v1/posts/import/{job_id}/status": READ,
    "POST /v1/posts/{post_id}/recurrence": WRITE,
    "GET /v1/posts/{post_id}/recurrence": READ,
    "PATCH /v1/posts/{post_id}/recurrence": WRITE,
    "DELETE /v1/posts/{post_id}/recurrence": WRITE,
    "GET /v1/posts/{post_id}/recurrence/preview": READ,
    "POST /v1/posts/{post_id}/recurrence/skip": WRITE,
    "GET /v1/posts/{post_id}/recurrence/runs": READ,
    "GET /v1/queue/slots": READ,
    "PUT /v1/queue/slots": WRITE,
    "GET /v1/queue/next": READ,
    "GET /v1/workspace": READ,
    "PATCH /v1/workspace": WRITE,
    "POST /v1/posts/{post_id}/start-approval": WRITE,
    "POST /v1/posts/{post_id}/approve": WRITE,
    "POST /v1/posts/{post_id}/reject": WRITE,
    "POST /v1/posts/validate": READ,
    "GET /v1/posts/bulk-generate-check": READ,
    "GET /v1/posts/preflight": READ,
    "POST /v1/personas": Scope.PERSONAS_WRITE,
    "GET /v1/personas": READ,
    "GET /v1/personas/{persona_id}": READ,
    "PATCH /v1/personas/{persona_id}": Scope.PERSONAS_WRITE,
    "DELETE /v1/personas/{persona_id}": Scope.PERSONAS_WRITE,
    "POST /v1/posts/retry-failed": WRITE,
    "GET /v1/accounts": Scope.ACCOUNTS_READ,
    "POST /v1/accounts": Scope.ACCOUNTS_WRITE,
    "GET /v1/accounts/{account_id}": Scope.ACCOUNTS_READ,
    "POST /v1/accounts/connect/{platform}": Scope.ACCOUNTS_WRITE,
    "POST /v1/accounts/connect": Scope.ACCOUNTS_WRITE,
    "POST /v1/accounts/callback/{platform}": Scope.ACCOUNTS_WRITE,
    "POST /v1/accounts/{account_id}/refresh": Scope.ACCOUNTS_WRITE,
    "POST /v1/accounts/{account_id}/test": Scope.ACCOUNTS_WRITE,
    "GET /v1/accounts/{account_id}/pages": Scope.ACCOUNTS_READ,
    "POST /v1/accounts/{account_id}/select-page": Scope.ACCOUNTS_WRITE,
    "DELETE /v1/accounts/{account_id}": Scope.ACCOUNTS_WRITE,
    "PUT /v1/apps/{platform}": Scope.ACCOUNTS_WRITE,
    "GET /v1/apps/{platform}": Scope.ACCOUNTS_READ,
    "DELETE /v1/apps/{platform}": Scope.ACCOUNTS_WRITE,
    "POST /v1/media": Scope.MEDIA_WRITE,
    "GET /v1/media": Scope.MEDIA_READ,
    "POST /v1/media/upload": Scope.MEDIA_WRITE,
    "POST /v1/media/register": Scope.MEDIA_WRITE,
    "GET /v1/media/{media_id}": Scope.MEDIA_READ,
    "PATCH /v1/media/{media_id}": Scope.MEDIA_WRITE,
    "POST /v1/media/{media_id}/refresh-presign": Scope.MEDIA_WRITE,
    "DELETE /v1/media/{media_id}": Scope.MEDIA_WRITE,
    "GET /v1/webhooks": Scope.WEBHOOKS_READ,
    "POST /v1/webhooks": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhooks/test": Scope.WEBHOOKS_WRITE,
    "GET /v1/webhooks/callbacks": Scope.WEBHOOKS_READ,
    "POST /v1/webhooks/callbacks/{delivery_id}/replay": Scope.WEBHOOKS_WRITE,
    "GET /v1/webhooks/{webhook_id}": Scope.WEBHOOKS_READ,
    "PATCH /v1/webhooks/{webhook_id}": Scope.WEBHOOKS_WRITE,
    "DELETE /v1/webhooks/{webhook_id}": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhooks/{webhook_id}/test": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhooks/{webhook_id}/rotate-secret": Scope.WEBHOOKS_WRITE,
    "POST /v1/webhooks/{webhook_id}/replay": Scope.WEBHOOKS_WRITE,
    "GET /v1/webhooks/{webhook_id}/deliveries": Scope.WEBHOOKS_READ,
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": Scope.WEBHOOKS_READ,
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": Scope.WEBHOOKS_WRITE,
    "GET /v1/auth/me": None,
    "GET /v1/health": None,
    "POST /api/v1/posts/bulk": WRITE,
    "POST /api/v1/posts/retry-failed": WRITE,
    "GET /api/v1/accounts": Scope.ACCOUNTS_READ,
    "GET /api/v1/me": None,
}
# What needs no key, and which test sees to whom it is open.
KEYLESS: Final[Mapping[str, str]] = {
    "PUT /v1/media/uploads/{media_id}": "its address is signed: media/test_tickets.py",
    "GET /media/{media_id}": "its address is signed: media/test_public_urls.py",
    "GET /media/{media_id}/thumbnail": "its address is signed: media/test_public_urls.py",
}
UNSEEN: Final[Mapping[str, str]] = {
    "post_id": ids.to_typeid("post", NOBODY),
    "platform_id": ids.to_typeid("pp", NOBODY),
    "account_id": ids.to_typeid("acc", NOBODY),
    "platform": "twitter",
    "persona_id": ids.to_typeid("persona", NOBODY),
    "media_id": ids.to_typeid("media", NOBODY),
    "job_id": ids.to_typeid("job", NOBODY),
    "webhook_id": ids.to_typeid("wh", NOBODY),
    "delivery_id": ids.to_typeid("dlv", NOBODY),
}


async def ask(installation: Installation, operation: str, key: str) -> httpx.Response:
    """An operation on things that are not there, with a body that is not good."""
    method, template = operation.split()
    body: dict[str, object] | None = None if method == "GET" else {}
    headers = {"authorization": f"Bearer {key}"}
    path = template.format(**UNSEEN)
    return await installation.api.request(method, path, json=body, headers=headers)


async def served(installation: Installation) -> Mapping[str, Any]:
    """The OpenAPI document. Writing it costs half a second, so this process asks once."""
    if not _document:
        _document.update((await installation.api.get("/api/openapi.json")).json())
    return _document


_document: Final[dict[str, Any]] = {}
