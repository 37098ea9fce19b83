"""The networks Oncue can publish to, by platform constant."""

from collections.abc import Mapping
from typing import Final

from oncue.connectors.base import Connector
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.mastodon import Mastodon
from oncue.connectors.planned import PLANNED
from oncue.connectors.spec import Spec
from oncue.connectors.telegram import Telegram
from oncue.connectors.twitter import Twitter

CONNECTORS: Final[Mapping[str, Connector]] = {
    connector.spec.platform: connector
    for connector in (Twitter(), Bluesky(), Mastodon(), Telegram())
}


def spec_of(platform: str) -> Spec:
    """The facts of a network, whether its connector is there or still to come."""
    connector = CONNECTORS.get(platform)
    return connector.spec if connector is not None else PLANNED[platform]
