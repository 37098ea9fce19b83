"""What both dialects turn their request bodies into: frozen, already well-formed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

from oncue.workspaces.models import LatePolicy


class ContentType(StrEnum):
    """A hint at what a post is. THREAD is more than a hint: it makes one."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    CAROUSEL = "CAROUSEL"
    THREAD = "THREAD"
    STORY = "STORY"
    REEL = "REEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadEntry:
    """One post of a thread as it was asked for."""

    sequence: int
    content: str
    media_ids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPost:
    """A post to create."""

    content: str
    account_ids: Sequence[UUID]
    scheduled_for: datetime | None = None
    queue: bool = False  # its time is a slot, which queue.service finds
    save_as_draft: bool = False
    late_policy: LatePolicy | None = None  # None: its workspace's
    content_type: ContentType | None = None
    platform_overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    platform_metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    media_ids: Sequence[UUID] = ()
    tags: Sequence[str] = ()
    persona_id: str | None = None
    thread: Sequence[ThreadEntry] = ()
    first_comment: str | None = None
    first_comment_delay: int = 0
    is_manual_save: bool = False
    metadata: Mapping[str, Any] | None = None


class _Keep(Enum):
    KEEP = "keep"


KEEP: Final = _Keep.KEEP
Keep: TypeAlias = _Keep
"""A field the request did not mention, as against one it sets to null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """An edit: every field is KEEP unless the request mentions it."""

    content: str | Keep = KEEP
    content_type: ContentType | Keep | None = KEEP
    scheduled_for: datetime | Keep | None = KEEP
    clear_schedule: bool = False
    save_as_draft: bool = False
    account_ids: Sequence[UUID] | Keep = KEEP
    media_ids: Sequence[UUID] | Keep = KEEP
    platform_overrides: Mapping[str, Mapping[str, Any]] | Keep = KEEP
    platform_metadata: Mapping[str, Mapping[str, Any]] | Keep = KEEP
    tags: Sequence[str] | Keep = KEEP
    persona_id: str | Keep | None = KEEP
    thread: Sequence[ThreadEntry] | Keep = KEEP
    first_comment: str | Keep | None = KEEP
    first_comment_delay: int | Keep = KEEP
    late_policy: LatePolicy | Keep | None = KEEP
    platform_removed_at: datetime | Keep | None = KEEP
    metadata: Mapping[str, Any] | Keep | None = KEEP
    version: datetime | None = None
