"""URLs that users name, judged when they name them."""

from typing import Final

from oncue.errors import Invalid, Issue
from oncue.lib.addresses import NotAllowed
from oncue.lib.outbound import GuardedClient

URL_NOT_ALLOWED: Final = "URL_NOT_ALLOWED"


async def require_callable(outbound: GuardedClient, url: str, field: str) -> None:
    """Raise Invalid where the URL of a request's field is none that may be called (V152).

    It is judged again whenever it is called: a name may come to mean another address.
    """
    try:
        await outbound.check(url, https_only=True)
    except NotAllowed as refused:
        issue = Issue(field=field, code=URL_NOT_ALLOWED, message=f"cannot be called: {refused}")
        raise Invalid([issue]) from None
