"""The rules a post has to meet: ours always, the networks' once it is to go out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.connectors.spec import Problem, Spec, option_problems
from oncue.errors import Invalid, InvalidMetadata, Issue
from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.media.models import MediaFile, MediaStatus
from oncue.posts.drafts import Files, draft_for, media_of, unmendable
from oncue.posts.models import Destination, Post
from oncue.posts.values import ContentType, ThreadEntry

GRACE: Final = timedelta(seconds=60)  # V220: clocks differ

METADATA_KEY: Final = 100
METADATA_STRING: Final = 1_000
METADATA_ITEMS: Final = 100
METADATA_ITEM: Final = 200


def time_issues(scheduled_for: datetime | None, now: datetime) -> list[Issue]:
    """A scheduled time may lie in the past by a minute, and in the future without end."""
    if scheduled_for is None or scheduled_for >= now - GRACE:
        return []
    late = int((now - scheduled_for).total_seconds())
    return [
        Issue(
            field="scheduledFor",
            message=f"{iso(scheduled_for)} is {late} seconds in the past; at most 60 are allowed",
            facts={"limit": 60, "value": iso(scheduled_for)},
        )
    ]


def queue_issues(scheduled_for: datetime | None, *, queue: bool) -> list[Issue]:
    """A post has a time, or takes one from the queue (V32)."""
    if scheduled_for is None or not queue:
        return []
    message = "cannot be true together with scheduledFor: give one of them"
    return [Issue(field="queue", message=message)]


def thread_issues(
    content_type: ContentType | None, thread: Sequence[ThreadEntry], platforms: Iterable[str]
) -> list[Issue]:
    """Sequences count 1, 2, 3 ...; a thread needs somewhere that has threads (C21)."""
    issues = []
    sequences = [entry.sequence for entry in thread]
    if sorted(sequences) != list(range(1, len(thread) + 1)):
        message = f"sequences must be 1 to {len(thread)} without gaps; they are {sequences}"
        issues.append(Issue(field="threadPosts", message=message))
    if thread and content_type not in (None, ContentType.THREAD):
        message = f'threadPosts belong to contentType "THREAD", not "{content_type.value}"'
        issues.append(Issue(field="threadPosts", message=message))
    is_thread = bool(thread) or content_type is ContentType.THREAD
    if is_thread and not any(_has_threads(platform) for platform in platforms):
        names = ", ".join(c.spec.name for c in CONNECTORS.values() if c.spec.thread_items)
        message = f"a thread needs at least one account on {names}"
        issues.append(Issue(field="contentType", message=message))
    return issues


def _has_threads(platform: str) -> bool:
    connector = CONNECTORS.get(platform)
    return connector is not None and connector.spec.thread_items > 0


def media_issues(
    session: Session, workspace_id: UUID, wanted: Sequence[UUID], field: str = "media"
) -> list[Issue]:
    """Files that are not there, or not ready to be attached. The others stay until the end of
    this transaction.
    """  # noqa: D205
    if not wanted:
        return []
    rows = session.execute(
        select(MediaFile.id, MediaFile.status, MediaFile.failure)
        .where(MediaFile.workspace_id == workspace_id, MediaFile.id.in_(wanted))
        .with_for_update(read=True, key_share=True)
    )
    found = {row.id: row for row in rows}
    return [
        _not_found(field, media_id)
        if media_id not in found
        else _not_ready(field, media_id, found[media_id].status, found[media_id].failure)
        for media_id in wanted
        if media_id not in found or found[media_id].status != MediaStatus.READY
    ]


def _not_found(field: str, media_id: UUID) -> Issue:
    name = ids.to_typeid("media", media_id)
    return Issue(field=field, code="MEDIA_NOT_FOUND", message=f"No media with id {name}")


def _not_ready(field: str, media_id: UUID, status: str, failure: Sequence[Any] | None) -> Issue:
    name = ids.to_typeid("media", media_id)
    why = "".join(f": {problem['message']}" for problem in failure or ())
    message = f"{name} is {status}, not ready{why}"
    return Issue(field=field, code="MEDIA_NOT_READY", message=message)


def option_issues(metadata: Mapping[str, Mapping[str, Any]]) -> list[Issue]:
    """What is wrong in platformMetadata with the fields a network knows (V49, V55, V56)."""
    return [
        as_issue(spec, problem)
        for spec, options in ((spec_of(name), given) for name, given in metadata.items())
        for problem in option_problems(spec, options)
    ]


def check_metadata(metadata: Mapping[str, Any] | None) -> None:
    """Raise InvalidMetadata where `metadata` breaks its limits (V43-V46)."""
    issues = [issue for key, value in (metadata or {}).items() for issue in _entry(key, value)]
    if issues:
        raise InvalidMetadata(issues)


def _entry(key: str, value: object) -> list[Issue]:
    issues = []
    if len(key) > METADATA_KEY:
        issues.append(_too_long("metadata", "a key", METADATA_KEY, len(key)))
    field = f"metadata.{key[:METADATA_KEY]}"
    if isinstance(value, str) and len(value) > METADATA_STRING:
        issues.append(_too_long(field, "a string", METADATA_STRING, len(value)))
    if isinstance(value, list):
        if len(value) > METADATA_ITEMS:
            facts = {"limit": METADATA_ITEMS, "actual": len(value)}
            message = f"an array may have {METADATA_ITEMS} items; this has {len(value)}"
            issues.append(Issue(field=field, message=message, facts=facts))
        issues += [
            _too_long(f"{field}[{index}]", "an item", METADATA_ITEM, len(item))
            for index, item in enumerate(value)
            if isinstance(item, str) and len(item) > METADATA_ITEM
        ]
    return issues


def _too_long(field: str, what: str, limit: int, actual: int) -> Issue:
    return Issue(
        field=field,
        message=f"{what} may have {limit} characters; this has {actual}",
        facts={"maxLength": limit, "actualLength": actual},
    )


def check_networks(
    post: Post, destinations: Iterable[Destination], files: Files, now: datetime
) -> None:
    """Raise Invalid where a network would refuse the post, before it is due (C9)."""
    rows = list(destinations)
    issues = [
        _not_found("media", media_id) for media_id in media_of(post, rows) if media_id not in files
    ]
    if not issues:
        for destination in rows:
            connector = CONNECTORS[destination.platform]
            draft = draft_for(post, destination, connector, files, now)
            problems = [*connector.check(draft), *unmendable(connector.spec, draft, files)]
            issues += [as_issue(connector.spec, problem) for problem in problems]
    if issues:
        raise Invalid(issues)


def as_issue(spec: Spec, problem: Problem) -> Issue:
    """A network's rule, in the words of the documents."""
    facts: dict[str, Any] = {"platform": spec.platform}
    if problem.limit is not None:
        facts |= {"maxLength": problem.limit, "actualLength": problem.actual}
    return Issue(field=problem.field, code=problem.code, message=problem.message, facts=facts)
