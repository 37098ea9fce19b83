"""API keys: what they look like, what they may do, and whose they are.

A key reads oncue_live_<32 random characters><6 characters of CRC-32>. The checksum lets a
mistyped or made-up key be refused without asking the database, and secret scanners be sure.
"""

import hashlib
import secrets
import string
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.workspaces.models import ApiKey, Workspace

PREFIX: Final = "oncue_live_"
RANDOM_CHARACTERS: Final = 32
CHECK_CHARACTERS: Final = 6
BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Dialect(StrEnum):
    """Which of the two APIs a key is meant for. It opens both; the word is for people."""

    NATIVE = "native"
    COMPAT = "compat"


class Scope(StrEnum):
    """What a key may be allowed to do."""

    POSTS_READ = "posts:read"
    POSTS_WRITE = "posts:write"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    MEDIA_READ = "media:read"
    MEDIA_WRITE = "media:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    PERSONAS_WRITE = "personas:write"


ALL_SCOPES: Final[Sequence[Scope]] = tuple(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key on its way to its owner: the only time it is seen whole."""

    id: UUID
    key: str = field(repr=False)
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: the key's workspace and what the key may do."""

    key_id: UUID
    workspace_id: UUID
    workspace_name: str
    plan: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether the key has `scope`; writing something includes reading it."""
        return scope in self.scopes or scope.replace(":read", ":write") in self.scopes


def generate() -> str:
    """A new key: 190 random bits and their checksum."""
    random = "".join(secrets.choice(BASE62) for _ in range(RANDOM_CHARACTERS))
    return PREFIX + random + _checksum(random)


def is_well_formed(key: str) -> bool:
    """Whether `key` can be one of ours at all, by its shape and checksum."""
    body = key.removeprefix(PREFIX)
    if body == key or len(body) != RANDOM_CHARACTERS + CHECK_CHARACTERS:
        return False
    random, check = body[:RANDOM_CHARACTERS], body[RANDOM_CHARACTERS:]
    return secrets.compare_digest(_checksum(random).encode(), check.encode())


def create(
    session: Session,
    workspace_id: UUID,
    *,
    dialect: Dialect,
    scopes: Collection[str],
    now: datetime,
    name: str = "",
) -> NewKey:
    """Make a key for the workspace; raises Invalid for no scope, or one there is not."""
    if not scopes:
        known = ", ".join(ALL_SCOPES)
        raise Invalid([Issue(field="scopes", message=f"at least one is needed, of {known}")])
    if unknown := sorted(set(scopes) - set(ALL_SCOPES)):
        known = ", ".join(ALL_SCOPES)
        raise Invalid([Issue(field="scopes", message=f"{', '.join(unknown)}: not among {known}")])
    key, key_id = generate(), ids.new_id(now)
    held = [scope for scope in ALL_SCOPES if scope in scopes]
    session.execute(
        insert(ApiKey).values(
            id=key_id,
            workspace_id=workspace_id,
            name=name or f"{dialect} key",
            dialect=dialect,
            digest=digest(key),
            hint=f"{key[: len(PREFIX) + 4]}…{key[-4:]}",
            scopes=held,
            created_at=now,
        )
    )
    return NewKey(id=key_id, key=key, scopes=held)


def find_caller(session: Session, key: str) -> Caller | None:
    """Whose key this is; None for a revoked key as for one that never was."""
    row = session.execute(
        select(ApiKey.id, ApiKey.scopes, Workspace.id, Workspace.name, Workspace.plan)
        .join(Workspace, Workspace.id == ApiKey.workspace_id)
        .where(ApiKey.digest == digest(key), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    key_id, scopes, workspace_id, name, plan = row
    return Caller(
        key_id=key_id,
        workspace_id=workspace_id,
        workspace_name=name,
        plan=plan,
        scopes=frozenset(scopes),
    )


def revoke(session: Session, key_id: UUID, now: datetime) -> None:
    """End a key; it is refused from the next request on. Raises NotFound."""
    revoked = session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.id)
    ).one_or_none()
    if revoked is None:
        raise NotFound("key", ids.to_typeid("key", key_id))


def list_keys(session: Session) -> Sequence[ApiKey]:
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def digest(key: str) -> str:
    """What is kept of a key. 190 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(random: str) -> str:
    number = zlib.crc32(random.encode())
    characters = []
    for _ in range(CHECK_CHARACTERS):
        number, rest = divmod(number, len(BASE62))
        characters.append(BASE62[rest])
    return "".join(reversed(characters))
