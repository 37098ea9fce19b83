"""Who allowed which application what, and until when: codes, access tokens, refresh tokens.

A code or a token says everything itself, so a restart forgets nobody. What is used up or
withdrawn is in memory. Nothing is signed: in the sandbox nobody has anything to steal.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PREFIX: Final = "oauth."
NUMBERS: Final = {"generation": int, "begun": float, "made": float}  # among a ticket's texts


class Kind(StrEnum):
    CODE = "code"
    ACCESS = "access"
    REFRESH = "refresh"


class Standing(StrEnum):
    GOOD = "good"
    EXPIRED = "expired"
    USED = "used"  # a later one took its place
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A code or a token of a grant: one yes of one user to one application.

    `generation` counts what the grant brought forth: 0 is the code, every renewal adds one.
    `begun` and `made` are seconds since 1970. `auth` is how the application showed who it is
    and `jkt` the thumbprint of the key it has to hold; both empty where that is not asked.
    The last three belong to codes.
    """

    platform: str
    kind: Kind
    grant: str
    generation: int
    user: str
    client_id: str
    scope: str
    begun: float
    made: float
    auth: str = ""
    jkt: str = ""
    redirect_uri: str = ""
    challenge: str = ""
    method: str = ""

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())


class Grants:
    """One server's. `life` says how long a ticket is good; None is for ever."""

    def __init__(
        self,
        platform: str,
        now: Callable[[], datetime],
        life: Callable[[Ticket], timedelta | None],
    ) -> None:
        self.platform = platform
        self._now = now
        self._life = life
        self._latest: dict[str, int] = {}  # generation, by grant
        self._withdrawn: set[str] = set()
        self._of: dict[str, set[str]] = {}  # grants by user

    def begin(self, user: str, client_id: str, scope: str, **asked: str) -> str:
        """The code for a user's yes; `asked` are the fields of a Ticket that belong to it."""
        now = self._now().timestamp()
        return self._written(
            Ticket(
                platform=self.platform,
                kind=Kind.CODE,
                grant=secrets.token_urlsafe(9),
                generation=0,
                user=user,
                client_id=client_id,
                scope=scope,
                begun=now,
                made=now,
                **asked,
            )
        )

    def renew(self, ticket: Ticket, kind: Kind) -> tuple[str, Ticket]:
        """A token of the next generation. What the grant had of earlier ones is used up."""
        self.use_up(ticket)
        renewed = replace(
            ticket,
            kind=kind,
            generation=ticket.generation + 1,
            made=self._now().timestamp(),
            redirect_uri="",
            challenge="",
            method="",
        )
        return self._written(renewed), renewed

    def use_up(self, ticket: Ticket) -> None:
        self._latest[ticket.grant] = ticket.generation + 1

    def read(self, text: str | None) -> Ticket | None:
        """The ticket that this is, whatever its standing; None where it is none of ours."""
        if not text or not text.startswith(PREFIX):
            return None
        body = text.removeprefix(PREFIX)
        try:
            said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            ticket = Ticket(**{**said, "kind": Kind(said["kind"])})
        except (ValueError, KeyError, TypeError, binascii.Error):
            return None
        is_sound = all(isinstance(said[name], NUMBERS.get(name, str)) for name in said)
        return ticket if is_sound and ticket.platform == self.platform else None

    def standing(self, ticket: Ticket) -> Standing:
        self._of.setdefault(ticket.user, set()).add(ticket.grant)
        latest = max(self._latest.get(ticket.grant, 0), ticket.generation)
        self._latest[ticket.grant] = latest
        if ticket.grant in self._withdrawn:
            return Standing.WITHDRAWN
        if ticket.generation < latest:
            return Standing.USED
        life = self._life(ticket)
        if life is not None and self._now().timestamp() >= ticket.made + life.total_seconds():
            return Standing.EXPIRED
        return Standing.GOOD

    def good(self, text: str | None, kind: Kind) -> Ticket | None:
        """The ticket of this kind, where it is good."""
        ticket = self.read(text)
        is_good = ticket and ticket.kind is kind and self.standing(ticket) is Standing.GOOD
        return ticket if is_good else None

    def end(self, grant: str) -> None:
        """Nothing that came of this grant is good from now on."""
        self._withdrawn.add(grant)

    def end_all_of(self, user: str | None) -> int:
        """As if the user, or everybody, had withdrawn every yes; how many those were."""
        grants = {each for name, of in self._of.items() if user in (None, name) for each in of}
        ended = grants - self._withdrawn
        self._withdrawn |= ended
        return len(ended)

    def users(self) -> set[str]:
        return set(self._of)

    def _written(self, ticket: Ticket) -> str:
        self._of.setdefault(ticket.user, set()).add(ticket.grant)
        said = {name: value for name, value in asdict(ticket).items() if value != ""}
        return PREFIX + base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def is_issued(token: str) -> bool:
    """Whether some server of the sandbox issued this, or seems to."""
    return token.startswith(PREFIX)


def challenge_of(verifier: str) -> str:
    """RFC 7636, 4.2: what S256 makes of a code verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def proves(verifier: str, ticket: Ticket) -> bool:
    """Whether a code verifier fits the code's challenge, if it has one."""
    if not ticket.challenge:
        return not verifier
    return ticket.challenge == (challenge_of(verifier) if ticket.method == "S256" else verifier)
