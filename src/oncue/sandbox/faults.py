"""Misfortunes to order: what the next matching requests will meet."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What can go wrong. operator.md's list, in its order."""

    REJECT = "reject"
    RATE_LIMIT = "rate_limit"
    UNAVAILABLE = "unavailable"  # refused before acceptance
    ACCEPT_THEN_DROP = "accept_then_drop"  # recorded, connection cut, no answer
    ACCEPT_THEN_500 = "accept_then_500"
    SLOW = "slow"
    EXPIRED_TOKEN = "expired_token"
    REVOKED_TOKEN = "revoked_token"
    DUPLICATE = "duplicate"
    PROCESSING_FAILED = "processing_failed"
    PROCESSING_FOREVER = "processing_forever"
    GARBAGE = "garbage"  # 200 with HTML, as from a proxy in between: nothing is recorded


class Effect(StrEnum):
    """What a request is about, so that a fault can wait for the right one."""

    PUBLISH = "publish"
    UPLOAD = "upload"
    COMMENT = "comment"
    DELETE = "delete"
    POLL = "poll"
    TOKEN = "token"


PROCESSING: Final = frozenset({Kind.PROCESSING_FAILED, Kind.PROCESSING_FOREVER})
DEFAULT_EFFECT: Final[Mapping[Kind, Effect | None]] = {
    **dict.fromkeys(Kind, Effect.PUBLISH),
    Kind.EXPIRED_TOKEN: None,
    Kind.REVOKED_TOKEN: None,
    Kind.PROCESSING_FAILED: None,
    Kind.PROCESSING_FOREVER: None,
}


class BadFault(ValueError):
    """An order for a fault that makes no sense."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One order. None for platform, account or effect means any."""

    kind: Kind
    platform: str | None
    account: str | None
    effect: Effect | None
    times: int
    seconds: float
    retry_after: int | None

    def matches(self, platform: str, account: str | None, effect: Effect) -> bool:
        return (
            self.times > 0
            and self.platform in (None, platform)
            and self.account in (None, account)
            and self.effect in (None, effect)
        )


class Faults:
    """The orders not used up yet, oldest first."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, body: Mapping[str, Any]) -> Fault:
        """Take an order as POST /_sandbox/faults brings it; raises BadFault.

        Without an `effect` a fault meets the next publishing request, except for the token
        faults (any request) and the processing faults (whatever the network processes).
        """
        unknown = body.keys() - _FIELDS
        if unknown:
            raise BadFault(f"unknown fields: {', '.join(sorted(unknown))}")
        try:
            kind = Kind(body["kind"])
            effect = Effect(body["effect"]) if body.get("effect") else DEFAULT_EFFECT[kind]
            fault = Fault(
                kind=kind,
                platform=str(body["platform"]).upper() if body.get("platform") else None,
                account=str(body["account"]) if body.get("account") else None,
                effect=effect,
                times=int(body.get("times", 1)),
                seconds=float(body.get("seconds", 1)),
                retry_after=None if body.get("retryAfter") is None else int(body["retryAfter"]),
            )
        except KeyError:
            raise BadFault("a fault needs a kind") from None
        except (ValueError, TypeError, OverflowError) as wrong:
            raise BadFault(str(wrong)) from None
        if fault.times < 1 or not 0 <= fault.seconds < math.inf:
            raise BadFault("times is at least 1 and seconds at least 0")
        self._ordered.append(fault)
        return fault

    def take(self, platform: str, account: str | None, effect: Effect) -> Fault | None:
        """The oldest order that fits this request, used up by one."""
        for fault in self._ordered:
            if fault.matches(platform, account, effect):
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        self._ordered.clear()


_FIELDS: Final = frozenset(
    {"kind", "platform", "account", "effect", "times", "seconds", "retryAfter"}
)
