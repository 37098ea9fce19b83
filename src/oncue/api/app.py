"""The HTTP application: both dialects, operations, the served OpenAPI document."""

import json
from typing import Any, Final

from fastapi import Response

from oncue import __version__
from oncue.api import errors, media_files, operations, returning
from oncue.api.compat import accounts as compat_accounts
from oncue.api.compat import bulk as compat_bulk
from oncue.api.compat import retrying as compat_retrying
from oncue.api.document import Documented
from oncue.api.edge import Edge
from oncue.api.errors import ErrorOut
from oncue.api.native import (
    accounts,
    approval,
    apps,
    bulk,
    checks,
    connecting,
    deliveries,
    imports,
    media,
    personas,
    posts,
    preflight,
    publishing,
    queue,
    recurrence,
    replies,
    retrying,
    system,
    upkeep,
    webhooks,
    withdrawing,
    workspace,
)
from oncue.api.services import Services

ABOUT: Final = "Hand in posts; Oncue publishes each to every chosen account, on cue and once."
STATUSES: Final = {
    400: "The request is malformed or breaks a rule; `details` names field, limit and value.",
    401: "The key is missing or unknown.",
    402: "The plan does not reach this far; `details` says which limit.",
    403: "The key lacks the scope.",
    404: "There is no such thing in this workspace.",
    409: "The thing is not in a state for this.",
    413: "The body is too large.",
    415: "A file of this kind is not taken.",
    422: "`metadata` breaks its limits, or a file can not be taken as it is.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "Not now; nothing was changed. Retry-After says when to come back.",
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": words, "model": ErrorOut} for status, words in STATUSES.items()
}


def create_app(services: Services) -> Edge:
    """The application, with everything its endpoints share."""
    app = Documented(
        title="Oncue",
        version=__version__,
        description=ABOUT,
        openapi_url="/api/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    errors.install(app)
    # Fixed paths come before /v1/posts/{post_id}, which would take them for ids.
    for module in (
        checks,
        preflight,
        bulk,
        imports,
        retrying,
        posts,
        publishing,
        approval,
        withdrawing,
        recurrence,
        queue,
        workspace,
        replies,
        personas,
        connecting,
        accounts,
        upkeep,
        apps,
        media,
        media_files,
        deliveries,
        webhooks,
        system,
    ):
        app.include_router(module.router, responses=RESPONSES)
    for dialect in (compat_accounts, compat_bulk, compat_retrying):
        app.include_router(dialect.router)
    app.include_router(operations.router)
    app.include_router(returning.router)

    @app.get("/api/openapi.yaml", include_in_schema=False)
    async def openapi_yaml() -> Response:
        """The same document: every JSON text is YAML, so it needs no second writer."""
        return Response(json.dumps(app.openapi()), media_type="application/yaml")

    return Edge(app)
