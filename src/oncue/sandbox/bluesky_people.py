"""Who is who on the simulated Bluesky: handles, DIDs, and the document a DID stands for."""

from typing import Any

from oncue.sandbox.bluesky_names import did_of
from oncue.sandbox.network import World


class People:
    """Everybody exists, but a DID is known only once its handle was named or has posted."""

    def __init__(self, world: World, platform: str) -> None:
        self._world = world
        self._platform = platform
        self._named: dict[str, str] = {}  # handles by DID

    def note(self, handle: str) -> str:
        self._named[did_of(handle)] = handle
        return handle

    def handle_at(self, did: str) -> str | None:
        entries = self._world.ledger.entries(platform=self._platform)
        return self._named.get(did) or next(
            (entry.account for entry in entries if did_of(entry.account) == did), None
        )

    def document(self, did: str, server: str) -> dict[str, Any] | None:
        """What a directory of DIDs knows (https://web.plc.directory), of this server alone."""
        if (handle := self.handle_at(did)) is None:
            return None
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": server,
        }
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": did,
            "alsoKnownAs": [f"at://{handle}"],
            "verificationMethod": [],
            "service": [service],
        }
