"""Who a sandbox user is on each network, and the credentials that make somebody that user."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from oncue.sandbox import bluesky_names, mastodon_views, telegram, twitter_views
from oncue.sandbox.network import TOKEN_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxUser:
    """A user as a connected account has it. `username` is the ledger's `account`."""

    credentials: Mapping[str, str]
    native_id: str
    username: str
    server: str = ""


def _twitter(name: str) -> SandboxUser:
    return SandboxUser(
        credentials={"accessToken": TOKEN_PREFIX + name},
        native_id=twitter_views.user_id(name),
        username=name,
    )


def _mastodon(name: str) -> SandboxUser:
    return SandboxUser(
        credentials={"accessToken": TOKEN_PREFIX + name},
        native_id=mastodon_views.account_id(name),
        username=name,
        server="https://mastodon.sandbox.test",
    )


def _bluesky(name: str) -> SandboxUser:
    password = TOKEN_PREFIX + name
    handle = bluesky_names.handle_of(name, password)
    return SandboxUser(
        credentials={"identifier": name, "appPassword": password},
        native_id=bluesky_names.did_of(handle),
        username=handle,
        server="https://bluesky.sandbox.test",
    )


def _telegram(name: str) -> SandboxUser:
    return SandboxUser(
        credentials={"botToken": f"1:{TOKEN_PREFIX}{name}", "chatId": f"@{name}"},
        native_id=str(telegram.stable_id(name)),
        username=name,
    )


USERS: Final[Mapping[str, Callable[[str], SandboxUser]]] = {
    "TWITTER": _twitter,
    "BLUESKY": _bluesky,
    "MASTODON": _mastodon,
    "TELEGRAM": _telegram,
}
