"""The schema's common ground: one metadata, portable column types, the row version."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    case,
    literal,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from oncue.lib.clock import MILLISECOND, from_epoch_ms, to_epoch_ms


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole milliseconds since 1970 on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_epoch_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_epoch_ms(value)


class Base(DeclarativeBase):
    """Every table. Names of constraints are fixed, so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Moment,
        UUID: Uuid(),
        str: Text(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
    }


NOW: Final = bindparam("now", type_=Moment())
"""The time, in a statement that is built once and run with {"now": ...}."""


def later(
    column: InstrumentedAttribute[datetime], now: datetime | BindParameter[datetime]
) -> ColumnElement[datetime]:
    """What to write into an `updated_at`: `now`, or the next millisecond if it is not later.

    So the column grows with every write, whatever the clock does, and can serve as a version.
    """
    at = now if isinstance(now, BindParameter) else literal(now, Moment())
    raw = column.expression
    following = raw.op("+", return_type=Moment())(literal(1, BigInteger()))
    return case((raw < at, at), else_=following)


def after(previous: datetime, now: datetime) -> datetime:
    """The same in Python, for a row in hand."""
    return max(now, previous + MILLISECOND)
