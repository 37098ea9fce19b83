"""Whatever is sealed stands in a column that is registered, and so is found when keys change."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Text, select
from sqlalchemy.orm import Session

from accounts.sealing import fill
from installation import Installation
from oncue import tables
from oncue.accounts.models import AccountSecret, ClientKey
from oncue.db.base import Base
from oncue.db.sealed import sealed_columns
from oncue.lib.logs import is_secret_name

SEALED = re.compile(r"v\d+:[^:\s]+:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def with_ciphertext(session: Session) -> Iterator[str]:
    """Every column in which there is a ciphertext, wherever in its value."""
    for table in Base.metadata.sorted_tables:
        for row in session.execute(select(table)).mappings():
            yield from (
                f"{table.name}.{name}" for name, value in row.items() if SEALED.search(str(value))
            )


@pytest.mark.anyio
async def test_every_column_that_holds_ciphertext_is_registered_and_every_registered_one_does(
    installation: Installation,
) -> None:
    await fill(installation)

    found = await installation.db.read(lambda session: set(with_ciphertext(session)))

    assert found == {column.name for column in sealed_columns()}


def test_a_column_that_is_named_like_a_secret_is_registered() -> None:
    registered = {column.name for column in sealed_columns()}

    named = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
        and (is_secret_name(column.name) or "sealed" in column.name)
    }

    assert tables.accounts.AccountSecret is AccountSecret
    assert named
    assert named <= registered


def test_what_a_column_is_bound_to_is_made_of_its_own_row() -> None:
    for column in sealed_columns():
        named = set(re.findall(r"{(\w+)}", column.fact.place))
        assert named <= set(column.table.columns.keys())
        is_only_one = column.table is ClientKey.__table__
        is_told_apart = {each.name for each in column.key} <= named
        assert is_told_apart or is_only_one or column.fact.is_of_one_key
        assert column.fact.key_id is None or column.fact.key_id in column.table.columns


def test_no_two_columns_are_bound_to_the_same() -> None:
    places = [column.fact.place for column in sealed_columns()]

    assert len(set(places)) == len(places)
