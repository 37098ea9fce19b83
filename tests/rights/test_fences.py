"""A statement that reaches further than the caller's workspace is noticed."""

from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from api.answers import NOBODY
from installation import Installation
from oncue.accounts.models import Account
from oncue.posts.models import Destination, Post, Step
from oncue.workspaces.models import Persona, RateWindow, Workspace
from rights.fences import OWNER, Statement, strays, watching

pytestmark = pytest.mark.anyio

MINE: Final = UUID(int=1)
Other: Final = aliased(Post)

KEPT: Final[dict[str, Any]] = {
    "a row": select(Post).where(Post.workspace_id == MINE, Post.id == NOBODY),
    "some rows": select(Post).where(Post.workspace_id.in_([MINE])),
    "one's own workspace": select(Workspace).where(Workspace.id == MINE).with_for_update(),
    "a join by a key with the workspace in it": select(Destination)
    .join(Account, Account.id == Destination.account_id)
    .where(Destination.workspace_id == MINE),
    "a chain of them": select(Post)
    .join(Destination, Destination.post_id == Post.id)
    .join(Account, Account.id == Destination.account_id)
    .where(Account.workspace_id == MINE),
    "a join by workspace": select(Destination)
    .join(
        Account,
        and_(Account.workspace_id == Destination.workspace_id, Account.id == NOBODY),
    )
    .where(Destination.workspace_id == MINE),
    "a change": update(Post).where(Post.workspace_id == MINE).values(content=""),
    "a new row": insert(Persona).values(id=NOBODY, workspace_id=MINE),
    "no tenant's table": select(RateWindow),
}
STRAY: Final[dict[str, Any]] = {
    "a row by its id": select(Post).where(Post.id == NOBODY),
    "the column without a condition": select(Post.workspace_id).where(Post.id == MINE),
    "every workspace": select(Workspace).where(Workspace.name == "Test"),
    "a join of strays": select(Destination)
    .join(Account, Account.id == Destination.account_id)
    .where(Destination.post_id == MINE),
    "a join by a key without it": select(Step)
    .join(Destination, Destination.id == Step.destination_id)
    .where(Destination.workspace_id == MINE),
    "a list of tables": select(Destination, Post).where(
        Destination.workspace_id == MINE, Post.id == NOBODY
    ),
    "the same table again": select(Post)
    .where(Post.workspace_id == MINE)
    .where(select(Other).where(Other.id == Post.id).exists()),
    "a subquery": select(Post).where(
        Post.workspace_id == MINE,
        Post.id.in_(select(Destination.post_id).where(Destination.account_id == NOBODY)),
    ),
    "a change by id": update(Post).where(Post.id == NOBODY).values(workspace_id=MINE),
    "a deletion": delete(Post).where(Post.id == NOBODY).returning(Post.workspace_id),
    "another's": select(Post).where(Post.workspace_id == NOBODY),
    "another's new row": insert(Persona).values(id=NOBODY, workspace_id=NOBODY),
}


def compiled(statement: Any, dialect: Any) -> Statement:
    made = statement.compile(dialect=dialect.dialect(), compile_kwargs={"render_postcompile": True})
    return Statement(str(made), made.params)


@pytest.mark.parametrize("dialect", [sqlite, postgresql])
@pytest.mark.parametrize("kind", KEPT)
def test_what_keeps_to_the_workspace_is_let_pass(kind: str, dialect: Any) -> None:
    assert strays(compiled(KEPT[kind], dialect), MINE) is None


@pytest.mark.parametrize("dialect", [sqlite, postgresql])
@pytest.mark.parametrize("kind", STRAY)
def test_what_strays_is_noticed(kind: str, dialect: Any) -> None:
    assert strays(compiled(STRAY[kind], dialect), MINE) is not None


def test_of_many_rows_each_has_to_be_the_workspaces() -> None:
    one = compiled(KEPT["a new row"], sqlite)

    assert strays(Statement(one.text, [(MINE.hex, 1), (str(MINE), 2)]), MINE) is None
    assert strays(Statement(one.text, [(MINE.hex, 1), (str(NOBODY), 2)]), MINE) is not None


async def test_what_a_database_is_asked_is_seen(installation: Installation) -> None:
    mine, seen = installation.workspace_id, list[Statement]()

    with watching(seen):
        await installation.db.read(lambda s: s.scalars(select(Post).where(Post.id == mine)).all())
        await installation.db.write(lambda s: s.execute(update(Post).values(content="Ours")))
    await installation.db.read(lambda s: s.scalars(select(Account)).all())
    reached = [why.split()[0] for each in seen if (why := strays(each, mine)) is not None]

    assert reached == ["post", "post"]
    assert "post" in OWNER
