"""What each plan allows (decisions.md C59)."""

from collections.abc import Mapping
from typing import Final

REQUESTS_PER_MINUTE: Final[Mapping[str, int]] = {
    "free": 120,
    "starter": 200,
    "pro": 500,
    "agency": 1_000,
}
