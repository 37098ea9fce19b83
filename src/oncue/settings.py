"""What an operator sets, read once from the environment. docs/operating.md explains each."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from oncue.lib.addresses import NOTHING, Allowed, BadAllowance

PREFIX: Final = "ONCUE_"
DEFAULT_PORT: Final = 8080
PLATFORMS: Final = (
    "TWITTER",
    "LINKEDIN",
    "FACEBOOK",
    "INSTAGRAM",
    "THREADS",
    "TIKTOK",
    "YOUTUBE",
    "PINTEREST",
    "REDDIT",
    "BLUESKY",
    "MASTODON",
    "TELEGRAM",
    "DISCORD",
    "SNAPCHAT",
    "GOOGLE_BUSINESS",
)

# How long after an unanswered request its post is looked for, each time counted from the
# look before. The first leaves the network time to show what it accepted.
LOOKUP_SECONDS: Final = (15.0, 60.0, 180.0)

# How long a worker that is not heard from keeps its jobs; then another worker takes them.
HEARTBEAT: Final = timedelta(seconds=30)
SHORTEST_HEARTBEAT: Final = timedelta(seconds=1)


class BadSetting(ValueError):
    """A setting that cannot be what it is set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The installation's settings. `platform_urls` holds ONCUE_<PLATFORM>_URL, where set.

    `heartbeat` (ONCUE_HEARTBEAT_SECONDS) has to be longer than any pause of a living worker.
    """

    data_dir: Path = Path("oncue-data")
    database_url: str = field(default="", repr=False)
    secret_keys: str = field(default="", repr=False)
    public_url: str = ""
    sandbox_url: str = ""
    platform_urls: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "info"
    lookup_seconds: tuple[float, ...] = LOOKUP_SECONDS
    heartbeat: timedelta = HEARTBEAT
    outbound_allow: Allowed = NOTHING

    @property
    def is_sqlite(self) -> bool:
        return self.resolved_database_url.startswith("sqlite")

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'oncue.db'}"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret-keys"

    def base_url(self, platform: str, own: str) -> str:
        """Where `platform` is reached: its setting, else the sandbox, else its `own` address."""
        if platform in self.platform_urls:
            return self.platform_urls[platform]
        if self.sandbox_url:
            return f"{self.sandbox_url}/{platform.lower()}"
        return own


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; raises BadSetting with the variable's name."""
    given = os.environ if environment is None else environment
    urls = {
        name: given[f"{PREFIX}{name}_URL"].rstrip("/")
        for name in PLATFORMS
        if given.get(f"{PREFIX}{name}_URL")
    }
    return Settings(
        data_dir=Path(given.get("ONCUE_DATA_DIR") or "oncue-data"),
        database_url=_database_url(given.get("ONCUE_DATABASE_URL", "")),
        secret_keys=given.get("ONCUE_SECRET_KEYS", ""),
        public_url=given.get("ONCUE_PUBLIC_URL", "").rstrip("/"),
        sandbox_url=given.get("ONCUE_SANDBOX_URL", "").rstrip("/"),
        platform_urls=urls,
        log_level=given.get("ONCUE_LOG_LEVEL", "info").lower(),
        lookup_seconds=_lookup_seconds(given.get("ONCUE_LOOKUP_SECONDS", "")),
        heartbeat=_heartbeat(given.get("ONCUE_HEARTBEAT_SECONDS", "")),
        outbound_allow=_outbound_allow(given.get("ONCUE_OUTBOUND_ALLOW", "")),
    )


def _database_url(value: str) -> str:
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise BadSetting("ONCUE_DATABASE_URL starts with postgresql:// or sqlite:///")
    return value.replace("postgres://", "postgresql://", 1)


def _outbound_allow(value: str) -> Allowed:
    try:
        return Allowed.parse(value)
    except BadAllowance as wrong:
        raise BadSetting(str(wrong)) from None


def _lookup_seconds(value: str) -> tuple[float, ...]:
    if not value:
        return LOOKUP_SECONDS
    try:
        seconds = tuple(float(part) for part in value.split(","))
    except ValueError:
        raise BadSetting("ONCUE_LOOKUP_SECONDS is a list of seconds, as in 15,60,180") from None
    if any(second < 0 for second in seconds):
        raise BadSetting("ONCUE_LOOKUP_SECONDS holds no negative numbers")
    return seconds


def _heartbeat(value: str) -> timedelta:
    if not value:
        return HEARTBEAT
    try:
        heartbeat = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        raise BadSetting("ONCUE_HEARTBEAT_SECONDS is a number of seconds, as in 30") from None
    if heartbeat < SHORTEST_HEARTBEAT:
        raise BadSetting("ONCUE_HEARTBEAT_SECONDS is 1 at least")
    return heartbeat
