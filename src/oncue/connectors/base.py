"""What a connector is: a sheet of facts, and generators that yield the steps of a publication.

A connector never does I/O and holds no clock, no randomness and no credentials. It yields a
Call and is sent back the Reply; the runner makes the request, records the reply in the step
ledger, and can therefore resume a half-done publication after a crash by replaying what was
recorded into a fresh generator.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.spec import Draft, Media, Problem, Spec, spec_problems

BINDING_KEY: Final = "bindingSecret"  # the secret that access tokens may be bound to
LONGEST_SECRET: Final = 16 * 1024  # characters
LONGEST_PAUSE = timedelta(days=1)  # X's longest limit; what a network may ask for, and no more


class Effect(StrEnum):
    """What a step does to the world, and so what to do when its answer never came."""

    REPEAT = "repeat"  # nothing public happens: do it again
    KEYED = "keyed"  # public, and the network knows our key: send it again with the same key
    FIND = "find"  # public: look among the account's own posts before sending again
    REVIEW = "review"  # public, and nobody can tell: a person has to look

    @property
    def is_public(self) -> bool:
        """Whether the step makes something other people can see."""
        return self is not Effect.REPEAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who speaks: the public facts of a connected account. `native_id` is the network's own."""

    native_id: str
    username: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, without credentials: the connector's `sign` adds those on the way out.

    `path` starts with a slash and is joined to the base URL (the network's own, the
    account's server, or the setting ONCUE_<PLATFORM>_URL); an address the network itself
    handed out is given whole. At most one of `json`, `form` and `body` is set; `files` go
    with `form` as multipart/form-data. A network that fetches files itself is given a Media's
    `address` as a value of `query`, `json` or `form`. A public call needs a `name` that stays
    the same when the steps before it change, as in "post" or "item 3". `key_lives` says how
    long the network remembers the key of a KEYED call; None means for ever.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, Media] = field(default_factory=dict)
    body: Media | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: Effect = Effect.REPEAT
    name: str = ""
    key_lives: timedelta | None = None

    def __post_init__(self) -> None:
        if self.effect.is_public and not self.name:
            raise ValueError(f"a public call needs a name: {self.method} {self.path}")


@dataclass(frozen=True, slots=True)
class Wait:
    """Let the network work for `seconds` before the next step."""

    seconds: int


T = TypeVar("T")
Steps: TypeAlias = Generator["Call | Wait", Reply, T]
Secrets: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a network calls our post, and where people find it."""

    id: str
    url: str | None
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A post of ours that a look-up came upon, with the reply its creation would have had."""

    id: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose credentials these are, in the network's words.

    Who `moves` keeps their id when they go to another server.
    """

    native_id: str
    username: str
    display_name: str
    moves: bool = False


class Connector(ABC):
    """One network. Everything here is pure: facts, and generators of steps."""

    spec: ClassVar[Spec]

    @abstractmethod
    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        """Make `draft` public. A public call is FIND, KEYED or REVIEW and has a name."""

    @abstractmethod
    def identify(self, account: Account) -> Steps[Identity]:
        """Ask the network whose credentials these are."""

    def check(self, draft: Draft) -> list[Problem]:
        """Every rule of this network that `draft` breaks; empty when it may be sent."""
        return spec_problems(self.spec, draft)

    def sign(self, call: Call, secrets: Secrets) -> Call:
        """`call` with the account's credentials, as it goes over the wire and nowhere else.

        A token that is bound to a key of ours (RFC 9449) goes with a proof that the wire adds.
        """
        scheme = "DPoP" if BINDING_KEY in secrets else "Bearer"
        token = {"authorization": f"{scheme} {secrets['accessToken']}"}
        return replace(call, headers={**call.headers, **token})

    def judge(self, reply: Reply) -> None:
        """Return on a yes; raise Refused on a no, Unclear where the answer does not tell."""
        if reply.status < 300:
            if isinstance(reply.body, str):
                raise Unclear(f"{self.spec.name} answered with something that is not JSON")
            return
        if reply.status < 400:
            raise Unclear(f"{self.spec.name} answered with a redirect ({reply.status})")
        meaning = self.meaning(reply)
        if meaning is None:
            raise Unclear(f"{self.spec.name} answered {reply.status}: {self.words(reply)}")
        raise Refused(
            self.words(reply),
            meaning,
            code=self.code(reply),
            retry_after=self.pause(reply),
            reply=reply,
        )

    def pause(self, reply: Reply) -> timedelta | None:
        """How long to wait, within reason: an answer may name any number."""
        try:
            asked = self.retry_after(reply)
        except (OverflowError, ValueError):
            return LONGEST_PAUSE
        return asked if asked is None else min(max(asked, timedelta(0)), LONGEST_PAUSE)

    def meaning(self, reply: Reply) -> Refusal | None:
        """What a status of 400 or more means; None where something may have happened."""
        match reply.status:
            case 401:
                return Refusal.EXPIRED
            case 429:
                return Refusal.RATE_LIMITED
            case 503:
                return Refusal.TRY_LATER  # refused at the door, as every network here uses it
            case status if status >= 500:
                return None
            case _:
                return Refusal.REJECTED

    def words(self, reply: Reply) -> str:
        """The network's own explanation, for a person; never more than a few lines of it."""
        return f"{self.spec.name} answered with status {reply.status}"

    def code(self, reply: Reply) -> str | None:
        """The network's own code for what went wrong."""
        return None

    def retry_after(self, reply: Reply) -> timedelta | None:
        """How long the network asks us to wait."""
        value = reply.headers.get("retry-after", "")
        return timedelta(seconds=int(value)) if value.isascii() and value.isdigit() else None


class Deletes(ABC):
    """A network from which a post can be removed."""

    @abstractmethod
    def delete(self, post_id: str, account: Account) -> Steps[None]: ...


class Comments(ABC):
    """A network where an account can comment on its own post (V61-V64)."""

    def takes_comments(self, credentials: Collection[str]) -> bool:
        """Whether an account that holds credentials of these names can comment (C58)."""
        return True

    @abstractmethod
    def comment(self, post: Published, text: str, account: Account) -> Steps[str]:
        """Comment on `post`; the comment's id.

        The public call is FIND, KEYED or REVIEW and has a name. A post has one first comment,
        so a key may follow from the post's id.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReply:
    """What somebody answered to a post of ours, in the network's own words."""

    id: str
    text: str
    username: str
    timestamp: datetime
    permalink: str


class Replies(ABC):
    """A network where the replies to a post of ours can be read."""

    @abstractmethod
    def replies(self, post_id: str, account: Account, limit: int) -> Steps[Sequence[PostReply]]:
        """Up to `limit` replies; none where the account has no permission to read them."""


class Finds(ABC):
    """A network where we can look for a post whose creation was never answered."""

    @abstractmethod
    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        """The account's own posts since `since` that are what `call` asked for.

        Where the network also comments by a FIND call, its comments likewise.
        """


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that carries or earns secrets. It is never recorded and never logged."""

    method: str
    path: str
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What signing in or renewing earned: the secrets to keep, and how long they are good.

    Without an end they are good until the network takes them back.
    """

    secrets: Secrets = field(repr=False)
    expires_in: timedelta | None

    def __post_init__(self) -> None:
        expect_sendable(self.secrets)


def expect_sendable(secrets: Secrets) -> None:
    """Raise Unreadable where a network gave us what no header can hold: it may be hostile."""
    for name, value in secrets.items():
        if not value or not value.isprintable() or len(value) > LONGEST_SECRET:
            raise Unreadable(f"{name} in the answer is no token")


class SignsIn(ABC):
    """A network whose lasting credentials must first be turned into a short-lived session.

    The earned secrets are merged over the account's own, stored before they are used, and
    handed to `sign` with the rest.
    """

    @abstractmethod
    def sign_in(self, secrets: Secrets) -> Generator[Exchange, Reply, Session]:
        """Earn a session: by renewing the one in `secrets` where there is one, else anew."""
