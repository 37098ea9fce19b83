"""The networks Oncue can publish to, by platform constant."""

from collections.abc import Mapping
from typing import Final

from oncue.connectors.base import Connector
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.mastodon import Mastodon
from oncue.connectors.telegram import Telegram
from oncue.connectors.twitter import Twitter

CONNECTORS: Final[Mapping[str, Connector]] = {
    connector.spec.platform: connector
    for connector in (Twitter(), Bluesky(), Mastodon(), Telegram())
}
