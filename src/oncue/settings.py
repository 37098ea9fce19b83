"""What an operator sets, read once from the environment. docs/operating.md explains each."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from oncue.lib.addresses import NOTHING, Allowed, BadAllowance
from oncue.lib.buckets import BadBucket, Bucket

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

# How many connections to PostgreSQL one process holds at most. Six processes fit into a server
# that is set up as it comes, which has a hundred.
CONNECTIONS: Final = 16
FEWEST_CONNECTIONS: Final = 8

# How long a file that no post uses is kept. A quarter: people upload for a campaign before they
# write it, and what a whole quarter has not touched was forgotten.
MEDIA_RETENTION: Final = timedelta(days=90)
LONGEST_RETENTION: Final = timedelta(days=36_500)


class BadSetting(ValueError):
    """A setting that cannot be what it is set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The installation's settings. `platform_urls` holds ONCUE_<PLATFORM>_URL, where set.

    `platform_apps` holds the id and the secret of the installation's app at a network
    (ONCUE_<PLATFORM>_CLIENT_ID and _CLIENT_SECRET), `redirects` the addresses beside our own that
    people may come back to (ONCUE_OAUTH_REDIRECTS).
    `heartbeat` (ONCUE_HEARTBEAT_SECONDS) has to be longer than any pause of a living worker.
    `connections` is how many a process holds to PostgreSQL at most.
    `media_bucket` is where files are kept; None: in the data folder. `media_retention` is how
    long one that no post uses is kept; None: for ever.
    """

    data_dir: Path = Path("oncue-data")
    database_url: str = field(default="", repr=False)
    secret_keys: str = field(default="", repr=False)
    public_url: str = ""
    sandbox_url: str = ""
    platform_urls: Mapping[str, str] = field(default_factory=dict)
    platform_apps: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    redirects: tuple[str, ...] = ()
    log_level: str = "info"
    lookup_seconds: tuple[float, ...] = LOOKUP_SECONDS
    heartbeat: timedelta = HEARTBEAT
    connections: int = CONNECTIONS
    outbound_allow: Allowed = NOTHING
    media_bucket: Bucket | None = None
    media_retention: timedelta | None = MEDIA_RETENTION

    @property
    def is_sqlite(self) -> bool:
        return self.resolved_database_url.startswith("sqlite")

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'oncue.db'}"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret-keys"

    @property
    def media_dir(self) -> Path:
        return self.data_dir / "media"

    @property
    def address(self) -> str:
        """Where people reach this server: what is set, and never what a request says."""
        return self.public_url or f"http://127.0.0.1:{DEFAULT_PORT}"

    def is_configured(self, platform: str) -> bool:
        """Whether a setting says where `platform` is reached."""
        return bool(self.sandbox_url) or platform in self.platform_urls

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
        public_url=_public_url(given.get("ONCUE_PUBLIC_URL", "")),
        sandbox_url=given.get("ONCUE_SANDBOX_URL", "").rstrip("/"),
        platform_urls=urls,
        platform_apps=_platform_apps(given),
        redirects=_redirects(given.get("ONCUE_OAUTH_REDIRECTS", "")),
        log_level=given.get("ONCUE_LOG_LEVEL", "info").lower(),
        lookup_seconds=_lookup_seconds(given.get("ONCUE_LOOKUP_SECONDS", "")),
        heartbeat=_heartbeat(given.get("ONCUE_HEARTBEAT_SECONDS", "")),
        connections=_connections(given.get("ONCUE_DATABASE_CONNECTIONS", "")),
        outbound_allow=_outbound_allow(given.get("ONCUE_OUTBOUND_ALLOW", "")),
        media_bucket=_media_bucket(given.get("ONCUE_MEDIA_URL", "")),
        media_retention=_media_retention(given.get("ONCUE_MEDIA_RETENTION_DAYS", "")),
    )


def _platform_apps(given: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    apps = {
        name: (
            given.get(f"{PREFIX}{name}_CLIENT_ID", "").strip(),
            given.get(f"{PREFIX}{name}_CLIENT_SECRET", "").strip(),
        )
        for name in PLATFORMS
    }
    for name, (client_id, secret) in apps.items():
        if secret and not client_id:
            raise BadSetting(f"{PREFIX}{name}_CLIENT_SECRET is of no use without _CLIENT_ID")
    return {name: app for name, app in apps.items() if app[0]}


def _public_url(value: str) -> str:
    if value and not value.startswith(("https://", "http://")):
        raise BadSetting("ONCUE_PUBLIC_URL starts with https://, or with http:// on one machine")
    return value.rstrip("/")


def _redirects(value: str) -> tuple[str, ...]:
    addresses = tuple(value.replace(",", " ").split())
    if any(not address.startswith("https://") for address in addresses):
        raise BadSetting("ONCUE_OAUTH_REDIRECTS is a list of addresses that start with https://")
    return addresses


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


def _connections(value: str) -> int:
    if not value:
        return CONNECTIONS
    if not value.isascii() or not value.isdigit() or int(value) < FEWEST_CONNECTIONS:
        raise BadSetting(f"ONCUE_DATABASE_CONNECTIONS is a number, {FEWEST_CONNECTIONS} at least")
    return int(value)


def _media_bucket(value: str) -> Bucket | None:
    if not value:
        return None
    try:
        return Bucket.parse(value)
    except BadBucket as wrong:
        raise BadSetting(f"ONCUE_MEDIA_URL {wrong}") from None


def _media_retention(value: str) -> timedelta | None:
    if not value:
        return MEDIA_RETENTION
    if not value.isascii() or not value.isdigit() or int(value) > LONGEST_RETENTION.days:
        raise BadSetting("ONCUE_MEDIA_RETENTION_DAYS is a number of days, as in 90; 0: for ever")
    return timedelta(days=int(value)) or None
