"""Where browsers come back to from a network's page, and where networks read who we are.

No key is asked for. Who comes back with a state that we gave out may finish what was begun with
it, once; what this server is called is a setting and never what a request says.
"""

from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from oncue.accounts import document, flows, oauth
from oncue.accounts.connecting import keep
from oncue.accounts.models import Account
from oncue.accounts.oauth import Returned
from oncue.accounts.signing import Key
from oncue.api.deps import Shared, count_stranger
from oncue.api.services import Services
from oncue.connectors.oauth import Authorises, KnownBy
from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.errors import AppError, Invalid, NotFound, TooManyRequests

router = APIRouter(tags=["operations"], include_in_schema=False)

LONGEST: Final = 10_000
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{words}</p>
</html>
"""

Given = Annotated[str, Query(max_length=LONGEST)]


@router.get(document.RETURN_PATH)
async def come_back(
    request: Request,
    shared: Shared,
    state: Given = "",
    code: Given = "",
    iss: Given = "",
    error: Given = "",
    error_description: Given = "",
) -> HTMLResponse:
    """Finish connecting an account, in the browser of its owner."""
    returned = Returned(code=code, issuer=iss, error=error, description=error_description)
    try:
        count_stranger(request, shared, "oauth")
        account = await _finish(shared, state, returned)
    except AppError as refused:
        return _page("The account was not connected", _told(refused), refused.status)
    name = spec_of(account.platform).name
    words = f"{account.username} on {name} is connected. You can close this window."
    return _page("The account is connected", words)


@router.get(document.DOCUMENT_PATH)
async def read_document(request: Request, shared: Shared) -> Response:
    """Who we are, for networks that know their clients by a document."""
    count_stranger(request, shared, "oauth")
    if not shared.settings.address.startswith("https://"):
        raise NotFound("document", "ONCUE_PUBLIC_URL does not begin with https://")
    scope = next(
        connector.oauth.scope
        for connector in CONNECTORS.values()
        if isinstance(connector, Authorises) and connector.oauth.known_by is KnownBy.DOCUMENT
    )
    told = document.document(shared.settings, await _key(shared), scope)
    return JSONResponse(dict(told), headers={"cache-control": "max-age=300"})


async def _finish(shared: Services, state: str, returned: Returned) -> Account:
    ours = document.own_return(shared.settings)
    came_to = {ours, document.as_address(ours)}
    flow = await shared.db.write(
        lambda session: flows.use(session, shared.vault, state, shared.now(), came_to=came_to)
    )
    vouched = await oauth.finish(shared.wire, flow, returned)
    return await shared.db.write(
        lambda session: keep(session, shared.wire, flow.workspace_id, vouched)
    )


async def _key(shared: Services) -> Key:
    found = await shared.db.read(lambda session: document.find_key(session, shared.vault))
    if found is not None:
        return found
    return await shared.db.write(
        lambda session: document.make_key(session, shared.vault, shared.now())
    )


def _told(refused: AppError) -> str:
    """The same for a person, who sees none of the fields."""
    words = str(refused)
    if isinstance(refused, TooManyRequests):
        words = "too many people come back at once; try it again in a minute"
    if isinstance(refused, Invalid):
        words = "; ".join(issue.message for issue in refused.issues)
    return f"{words[:1].upper()}{words[1:]}."


def _page(title: str, words: str, status: int = 200) -> HTMLResponse:
    html = PAGE.format(title=escape(title), words=escape(words))
    return HTMLResponse(html, status, HEADERS)
