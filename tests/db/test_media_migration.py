"""Files and posts from before bytes were kept apart: nothing is lost, and all of it is noted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Connection, Integer, MetaData, Table, insert, select
from sqlalchemy.orm import Session

from oncue.db import migrate
from oncue.db.open import open_database
from oncue.runtime import upgrade_schema
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

OWNER, OTHER, ACCOUNT, DONE, OPEN = (UUID(int=number) for number in range(1, 6))
ONE, TWIN, THEIRS, UNUSED, GONE = (UUID(int=number) for number in range(11, 16))
DIGESTS: Final = {ONE: "aa", TWIN: "aa", THEIRS: "aa", UNUSED: "bb"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path)
    return Settings(data_dir=tmp_path, database_url=request.getfixturevalue("bare_url"))


def revision_before() -> str:
    """The revision that is followed by the one that keeps bytes apart."""
    scripts = ScriptDirectory.from_config(migrate.config())
    [ours] = [each for each in scripts.walk_revisions() if (each.doc or "").startswith("Media:")]
    assert isinstance(ours.down_revision, str)
    return ours.down_revision


def reflected(connection: Connection, name: str) -> Table:
    """A table as it is in the database, whatever the models say by now."""
    return Table(name, MetaData(), autoload_with=connection)


def add(connection: Connection, name: str, **values: Any) -> None:
    """A row with these values, and something in every other column that takes no null."""
    table, row = reflected(connection, name), dict[str, Any]()
    for column in table.columns:
        if column.name in values:
            row[column.name] = _as_stored(connection, values[column.name])
        elif not column.nullable and column.server_default is None:
            row[column.name] = _nothing(column.type)
    connection.execute(insert(table), row)


def _nothing(kind: object) -> Any:
    match kind:
        case JSON():
            return []
        case Boolean():
            return False
        case Integer():
            return 0
        case _:
            return ""


def _as_stored(connection: Connection, value: Any) -> Any:
    is_text = connection.dialect.name == "sqlite"
    return value.hex if is_text and isinstance(value, UUID) else value


def rows(connection: Connection, name: str, *columns: str) -> set[tuple[Any, ...]]:
    table = reflected(connection, name)
    found = connection.execute(select(*(table.c[column] for column in columns)))
    return {tuple(map(_plain, row)) for row in found}


def _plain(value: object) -> object:
    """Ids as ids, also where they are kept as text without dashes."""
    is_hex = isinstance(value, str) and len(value) == 32
    return UUID(hex=value) if is_hex and isinstance(value, str) else value


def populate(session: Session) -> None:
    connection = session.connection()
    command.upgrade(migrate.config(connection), revision_before())
    for number, owner in enumerate((OWNER, OTHER)):
        add(connection, "workspace", id=owner, created_at=number)
    add(connection, "account", id=ACCOUNT, workspace_id=OWNER, number=1)
    for at, (file, digest) in enumerate(DIGESTS.items()):
        owner = OTHER if file == THEIRS else OWNER
        facts = {"sha256": digest, "size_bytes": 7, "status": "ready", "created_at": at}
        add(connection, "media", id=file, workspace_id=owner, **facts)
    thread = [{"content": "1/", "mediaIds": [str(ONE), str(GONE)]}]
    add(connection, "post", id=OPEN, workspace_id=OWNER, media_ids=[str(ONE)], thread=thread)
    add(connection, "post", id=DONE, workspace_id=OWNER, media_ids=[str(GONE)])
    facts = {"id": UUID(int=20), "account_id": ACCOUNT, "media_ids": [str(TWIN)]}
    add(connection, "destination", workspace_id=OWNER, post_id=DONE, **facts)


async def test_files_keep_their_bytes_and_posts_their_files(empty: Settings) -> None:
    db = open_database(empty)
    try:
        await db.write(populate)
        await upgrade_schema(empty, db)
        found = await db.read(looked_up)
    finally:
        await db.close()

    assert found == {
        "files": {(file, str(file), file_made(file)) for file in DIGESTS},
        "objects": {
            (str(ONE), OWNER, "aa", 7, None),
            (str(TWIN), OWNER, None, 7, None),  # the same bytes again, which nobody else is given
            (str(THEIRS), OTHER, "aa", 7, None),
            (str(UNUSED), OWNER, "bb", 7, None),
        },
        "uses": {(OPEN, ONE, OWNER), (DONE, TWIN, OWNER)},
    }


def file_made(file: UUID) -> int:
    return list(DIGESTS).index(file)


def looked_up(session: Session) -> Mapping[str, Any]:
    connection = session.connection()
    objects = ("key", "workspace_id", "sha256", "size_bytes", "doomed_at")
    return {
        "files": rows(connection, "media", "id", "storage_key", "settled_at"),
        "objects": rows(connection, "media_object", *objects),
        "uses": rows(connection, "media_use", "post_id", "media_id", "workspace_id"),
    }
