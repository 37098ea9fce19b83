"""Field types of the snake_case dialect's bodies, and its words for ours."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BeforeValidator, Field, StrictInt
from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.api.fields import LARGEST_INTEGER, WHOLE, Said, parse_platform, parse_time
from oncue.errors import Invalid, Issue
from oncue.settings import PLATFORMS

PLATFORM_NAMES: Final = {"TWITTER": "x"}


def platform_name(constant: str) -> str:
    """A network in this dialect's words (C55)."""
    return PLATFORM_NAMES.get(constant, constant.lower())


def _platform(value: object) -> str:
    is_x = isinstance(value, str) and value.lower() == "x"
    return parse_platform("TWITTER" if is_x else value)


def _time(value: object) -> datetime:
    """A time; without a zone it is UTC (C53)."""
    if isinstance(value, str):
        try:
            naive = datetime.fromisoformat(value)
        except ValueError:
            return parse_time(value)
        if naive.tzinfo is None:
            return parse_time(naive.replace(tzinfo=UTC).isoformat())
    return parse_time(value)


_NAMES: Final = Said(enum=[platform_name(constant) for constant in PLATFORMS])
Platform = Annotated[str, BeforeValidator(_platform), _NAMES]
ShownPlatform = Annotated[str, _NAMES]
Time = Annotated[datetime, BeforeValidator(_time)]
AccountNumber = Annotated[StrictInt, Field(ge=1, le=LARGEST_INTEGER), WHOLE]


def account_ids(
    session: Session, workspace_id: UUID, numbers: Sequence[int], fields: Sequence[str]
) -> list[UUID]:
    """The accounts with these numbers; raises Invalid naming the field of one that is missing."""
    found = accounts.by_number(session, workspace_id, numbers)
    issues = [
        Issue(field=field, code="ACCOUNT_NOT_FOUND", message=f"No account with id {number}")
        for field, number in zip(fields, numbers, strict=True)
        if number not in found
    ]
    if issues:
        raise Invalid(issues)
    return [found[number] for number in numbers]
