"""Every operation x every scope x both dialects a key may be meant for."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import httpx2 as httpx
import pytest

from api.operations import KEYLESS, SCOPES, ask, served
from installation import Installation
from oncue.workspaces import keys
from oncue.workspaces.keys import ALL_SCOPES, Dialect, Scope
from rights.fields import operations
from statements import statements

pytestmark = pytest.mark.anyio

Cell: TypeAlias = tuple[str, Scope, Dialect]

# How a lacking scope is worded, by what an operation's path begins with.
CODES: Final[Mapping[str, str]] = {"/v1/": "AUTHORIZATION_ERROR", "/api/v1/": "insufficient_scope"}


async def test_the_table_has_every_operation_that_is_served(oncue: Installation) -> None:
    assert operations(await served(oncue)) == SCOPES.keys() | KEYLESS.keys()


@statements("V3", "V4", "V5", "V6", "V7", "V8", "V12", "V15")
async def test_an_operation_is_open_to_the_scope_it_names_and_to_no_other(
    oncue: Installation,
) -> None:
    open_to_all = {
        operation: (await ask(oncue, operation, oncue.key)).status_code for operation in SCOPES
    }

    answers: dict[Cell, Any] = {}
    for scope in ALL_SCOPES:
        for dialect in Dialect:
            key = await key_of(oncue, scope, dialect)
            for operation in SCOPES:
                answer = await ask(oncue, operation, key)
                answers[operation, scope, dialect] = said(answer)

    assert answers == {
        (operation, held, dialect): open_to_all[operation]
        if opens(held, wanted)
        else lacks(operation, wanted, held)
        for operation, wanted in SCOPES.items()
        for held in ALL_SCOPES
        for dialect in Dialect
    }
    assert not {401, 403} & set(open_to_all.values())


async def key_of(oncue: Installation, scope: Scope, dialect: Dialect) -> str:
    made = await oncue.db.write(
        lambda session: keys.create(
            session,
            oncue.workspace_id,
            dialect=dialect,
            scopes=[scope],
            now=oncue.clock(),
        )
    )
    return made.key


def said(answer: httpx.Response) -> object:
    """The status; with a key that may not, also why."""
    if answer.status_code != 403:
        return answer.status_code
    error = answer.json()["error"]
    return 403, error["code"], error["details"]


def opens(held: Scope, wanted: Scope | None) -> bool:
    """A scope opens itself, and writing something includes reading it. None is open to any."""
    return wanted is None or held in (wanted, wanted.replace(":read", ":write"))


def lacks(operation: str, wanted: Scope | None, held: Scope) -> object:
    [code] = [code for prefix, code in CODES.items() if operation.split()[1].startswith(prefix)]
    return 403, code, {"requiredScope": wanted, "scopes": [held]}
