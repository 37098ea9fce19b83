"""API keys: told apart offline, kept as a digest, refused the same whatever is wrong with them."""

import re
import zlib
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from installation import Installation
from oncue.db.database import Database
from oncue.errors import Invalid, NotFound
from oncue.workspaces import keys
from oncue.workspaces.keys import ALL_SCOPES, BASE62, PREFIX, Dialect, NewKey, Scope
from oncue.workspaces.models import ApiKey

SHAPE = re.compile(r"oncue_live_[0-9A-Za-z]{38}")
RANDOM = st.text(BASE62, min_size=32, max_size=32)


def test_a_key_has_its_shape_and_is_always_another() -> None:
    made = {keys.generate() for _ in range(1_000)}

    assert len(made) == 1_000
    assert all(SHAPE.fullmatch(key) for key in made)
    assert all(keys.is_well_formed(key) for key in made)


@given(RANDOM)
def test_the_last_six_characters_are_the_crc_32_of_the_others(random: str) -> None:
    number = 0
    for character in keys._checksum(random):
        number = number * 62 + BASE62.index(character)

    assert number == zlib.crc32(random.encode())


@given(RANDOM, st.integers(0, 31), st.sampled_from(BASE62))
def test_one_wrong_character_is_noticed_without_a_database(
    random: str, place: int, other: str
) -> None:
    key = PREFIX + random + keys._checksum(random)
    at = len(PREFIX) + place

    mistyped = key[:at] + other + key[at + 1 :]

    assert keys.is_well_formed(mistyped) == (mistyped == key)


GOOD = "oncue_live_0123456789abcdefghijklmnopqrstuv2CRUDD"  # well-formed, and nobody's


@pytest.mark.parametrize(
    "key",
    [
        "",
        PREFIX,
        PREFIX + "a" * 38,
        PREFIX + "a" * 37,
        PREFIX + "a" * 10_000,
        "sk_live_" + GOOD.removeprefix(PREFIX),
        GOOD[:-1],
        GOOD + "a",
        " " + GOOD,
        GOOD.upper(),
        PREFIX + "ключ" * 8 + "000000",
        "oncue_test_" + GOOD.removeprefix(PREFIX),
    ],
)
def test_what_cannot_be_a_key_is_none(key: str) -> None:
    assert not keys.is_well_formed(key)


async def make(oncue: Installation, *scopes: str) -> NewKey:
    return await oncue.db.write(
        lambda session: keys.create(
            session,
            oncue.workspace_id,
            dialect=Dialect.NATIVE,
            scopes=scopes or ALL_SCOPES,
            now=oncue.clock(),
        )
    )


async def revoke(oncue: Installation, key_id: UUID) -> None:
    await oncue.db.write(lambda session: keys.revoke(session, key_id, oncue.clock()))


async def caller(db: Database, key: str) -> keys.Caller | None:
    return await db.read(lambda session: keys.find_caller(session, key))


@pytest.mark.anyio
async def test_a_key_opens_its_workspace_with_its_scopes(installation: Installation) -> None:
    made = await make(installation, "posts:write", "accounts:read")

    found = await caller(installation.db, made.key)

    assert found == keys.Caller(
        key_id=made.id,
        workspace_id=installation.workspace_id,
        workspace_name="Test",
        plan="agency",
        scopes=frozenset({"posts:write", "accounts:read"}),
    )
    assert found.may(Scope.POSTS_READ)
    assert not found.may(Scope.ACCOUNTS_WRITE)
    assert not found.may(Scope.MEDIA_READ)


@pytest.mark.anyio
async def test_a_revoked_key_is_as_unknown_as_one_that_never_was(
    installation: Installation,
) -> None:
    made = await make(installation)
    assert await caller(installation.db, made.key) is not None

    await revoke(installation, made.id)

    assert await caller(installation.db, made.key) is None
    assert await caller(installation.db, keys.generate()) is None


@pytest.mark.anyio
async def test_a_key_is_revoked_once(installation: Installation) -> None:
    made = await make(installation)
    await revoke(installation, made.id)

    for key_id in (made.id, uuid4()):
        with pytest.raises(NotFound):
            await revoke(installation, key_id)


@pytest.mark.anyio
async def test_a_scope_there_is_not_is_named(installation: Installation) -> None:
    with pytest.raises(Invalid, match="posts:burn"):
        await make(installation, "posts:read", "posts:burn")


@pytest.mark.anyio
async def test_of_a_key_only_its_digest_and_a_hint_are_kept(
    installation: Installation, tmp_path: Path
) -> None:
    made = await make(installation)

    rows = await installation.db.read(
        lambda session: [
            repr({column.key: getattr(row, column.key) for column in ApiKey.__table__.columns})
            for row in session.scalars(select(ApiKey).where(ApiKey.id == made.id))
        ]
    )

    [row] = rows
    random = made.key.removeprefix(PREFIX)
    assert keys.digest(made.key) in row
    assert f"{PREFIX}{random[:4]}…{random[-4:]}" in row
    assert random[:8] not in row
    assert made.key not in repr(made)
    assert random.encode() not in on_disk(tmp_path)


def on_disk(folder: Path) -> bytes:
    """The embedded database, with its write-ahead log."""
    return b"".join(file.read_bytes() for file in folder.glob("oncue.db*"))
