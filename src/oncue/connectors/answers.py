"""What a network answers, and what its no means for us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class Unreadable(Exception):
    """The network's answer does not have what it promises to have."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A network's answer: `body` is the parsed JSON, the text where it is not JSON, or None."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    def at(self, *path: str | int) -> Any:
        """What stands at `path` in the body; raises Unreadable where nothing does."""
        found = self.body
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                raise Unreadable(f"no {_dotted(path)} in the answer") from None
        return found

    def text(self, *path: str | int) -> str:
        """The string, or the number as a string, at `path`; raises Unreadable otherwise."""
        found = self.at(*path)
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise Unreadable(f"{_dotted(path)} in the answer is no text")
        return str(found)


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in path)


class Refusal(StrEnum):
    """What a network's no means for us. Whatever it is, nothing became public."""

    TRY_LATER = "try_later"
    RATE_LIMITED = "rate_limited"
    EXPIRED = "expired"  # the access token: renew it and ask again
    RECONNECT = "reconnect"  # the authorisation is gone: a person has to connect again
    DUPLICATE = "duplicate"  # the network has this very post already
    REJECTED = "rejected"


class Refused(Exception):
    """The network answered, and the answer was no."""

    def __init__(
        self,
        message: str,
        meaning: Refusal = Refusal.REJECTED,
        *,
        code: str | None = None,
        retry_after: timedelta | None = None,
        reply: Reply | None = None,
    ) -> None:
        super().__init__(message)
        self.meaning = meaning
        self.code = code
        self.retry_after = retry_after
        self.reply = reply  # the answer itself, so that a replay comes to the same refusal

    @property
    def is_transient(self) -> bool:
        return self.meaning in {Refusal.TRY_LATER, Refusal.RATE_LIMITED}

    @property
    def is_of_credentials(self) -> bool:
        """Whether it was not what we asked that was refused, but who asked."""
        return self.meaning in {Refusal.RECONNECT, Refusal.EXPIRED}


class Unclear(Exception):
    """The network answered, but not so that we know whether it did what we asked."""
