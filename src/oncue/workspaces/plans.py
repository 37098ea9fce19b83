"""What each plan allows (decisions.md C59)."""

from collections.abc import Mapping
from typing import Final

REQUESTS_PER_MINUTE: Final[Mapping[str, int]] = {
    "free": 120,
    "starter": 200,
    "pro": 500,
    "agency": 1_000,
}
RECURRENCE_RULES: Final[Mapping[str, int | None]] = {  # None: as many as one likes (V271-V273)
    "free": 0,
    "starter": 3,
    "pro": None,
    "agency": None,
}
