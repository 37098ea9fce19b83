"""Mastodon's OAuth: a client registers at each server, and tokens last until they are revoked.

Servers before 4.3 pay no attention to PKCE. https://docs.joinmastodon.org/spec/oauth/
"""

import re
from typing import ClassVar, Final

from oncue.connectors.oauth import GONE, Authorises, Exchanges, KnownBy, OAuth, Proof

HANDLE: Final = re.compile(r"@?\w[\w.-]*@((?:[a-z0-9-]+\.)+[a-z0-9-]+)", re.IGNORECASE | re.ASCII)


class MastodonOAuth(Authorises):
    oauth: ClassVar[OAuth] = OAuth(
        authorize="/oauth/authorize",
        token="/oauth/token",  # noqa: S106  (a path)
        revoke="/oauth/revoke",
        register="/api/v1/apps",
        scopes=("read:accounts", "read:statuses", "write:media", "write:statuses"),
        known_by=KnownBy.REGISTERED,
        proof=Proof.POST,
        gone=GONE | {"invalid_client"},  # a server that forgot us has forgotten our tokens
    )

    def server_of(self, handle: str) -> Exchanges[str]:
        """The part after the second @, as in @maria@mastodon.example."""
        yield from ()
        found = HANDLE.fullmatch(handle.strip())
        return f"https://{found[1].lower()}" if found else ""
