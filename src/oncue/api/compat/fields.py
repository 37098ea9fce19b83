"""Field types of the snake_case dialect's bodies, and its words for ours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BeforeValidator, Field, StrictInt
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from oncue.accounts import queries as accounts
from oncue.api.fields import LARGEST_INTEGER, WHOLE, Said, parse_time
from oncue.errors import AppError, Invalid, Issue
from oncue.settings import PLATFORMS

PLATFORM_NAMES: Final = {"TWITTER": "x"}
FIELD_NAMES: Final = {"accountIds": "account_ids", "media": "media_ids", "queue": "use_queue"}


def platform_name(constant: str) -> str:
    """A network in this dialect's words (C55)."""
    return PLATFORM_NAMES.get(constant, constant.lower())


_CONSTANTS: Final = {platform_name(constant): constant for constant in PLATFORMS}


def _platform(value: object) -> str:
    """The constant of a network in this dialect's words, or in ours."""
    said = value.lower() if isinstance(value, str) else ""
    constant = _CONSTANTS.get(said, said.upper())
    if constant in PLATFORMS:
        return constant
    raise PydanticCustomError("platform", "is not one of {known}", {"known": ", ".join(_CONSTANTS)})


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


_NAMES: Final = Said(enum=[*_CONSTANTS])
Platform = Annotated[str, BeforeValidator(_platform), _NAMES]
ShownPlatform = Annotated[str, _NAMES]
Time = Annotated[datetime, BeforeValidator(_time)]
AccountNumber = Annotated[StrictInt, Field(ge=1, le=LARGEST_INTEGER), WHOLE]


def account_ids(
    session: Session, workspace_id: UUID, numbers: Sequence[int], fields: Sequence[str]
) -> list[UUID]:
    """The accounts with these numbers; raises Invalid naming what is missing or there twice."""
    found = accounts.by_number(session, workspace_id, numbers)
    issues = [
        Issue(field=field, code="ACCOUNT_NOT_FOUND", message=f"No account with id {number}")
        for field, number in zip(fields, numbers, strict=True)
        if number not in found
    ]
    issues += [
        Issue(field=field, message=f"{number} is named twice")
        for index, (field, number) in enumerate(zip(fields, numbers, strict=True))
        if number in numbers[:index]
    ]
    if issues:
        raise Invalid(issues)
    return [found[number] for number in numbers]


def in_our_names(refused: AppError) -> AppError:
    """A refusal of the core's that names its fields as this dialect does."""
    if not isinstance(refused, Invalid):
        return refused
    return Invalid([replace(issue, field=_field_name(issue.field)) for issue in refused.issues])


def _field_name(field: str) -> str:
    name, bracket, rest = field.partition("[")
    return FIELD_NAMES.get(name, name) + bracket + rest
