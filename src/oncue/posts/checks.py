"""Looking before anything is created: what networks would say, what is planned already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oncue.accounts import queries as accounts
from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.connectors.spec import Draft, Media, Problem, Spec, option_problems, spec_problems
from oncue.errors import Invalid, Issue
from oncue.posts.drafts import load_files, unmendable
from oncue.posts.lifecycle import Status
from oncue.posts.models import Destination, Post
from oncue.posts.validation import media_issues

COMMENT_CHARACTERS: Final = 2_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A post that may never be: what validate looks at."""

    content: str
    media_ids: Sequence[UUID] = ()
    media: Sequence[Media] = ()
    first_comment: str | None = None
    platform_metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a network would say to a sketch."""

    problems: Sequence[Problem]
    warnings: Sequence[Problem]


def validate(
    session: Session, workspace_id: UUID, sketch: Sketch, platforms: Sequence[str], now: datetime
) -> Mapping[str, Finding]:
    """What each network would say; nothing is created. Raises Invalid for unknown media."""
    if issues := media_issues(session, workspace_id, sketch.media_ids, "mediaIds"):
        raise Invalid(issues)
    files = load_files(session, workspace_id, sketch.media_ids)
    draft = Draft(text=sketch.content, key="", begun_at=now)
    named = [str(media_id) for media_id in sketch.media_ids]

    def look(platform: str) -> Finding:
        spec = spec_of(platform)
        stored = replace(draft, media=files.for_network(spec, named))
        whole = replace(
            stored,
            media=[*stored.media, *sketch.media],
            options=sketch.platform_metadata.get(platform, {}),
        )
        return _finding(whole, platform, unmendable(spec, stored, files), sketch.first_comment)

    return {platform: look(platform) for platform in platforms}


def network_problems(platform: str, draft: Draft) -> Sequence[Problem]:
    """The rules of a network that `draft` breaks, whether Oncue publishes there yet or not."""
    connector = CONNECTORS.get(platform)
    return connector.check(draft) if connector else spec_problems(spec_of(platform), draft)


def _finding(draft: Draft, platform: str, known: Sequence[Problem], comment: str | None) -> Finding:
    """What the network says to `draft`, beside what is `known` to be wrong with it."""
    spec = spec_of(platform)
    problems = [*network_problems(platform, draft), *known, *option_problems(spec, draft.options)]
    if comment is not None and len(comment) > COMMENT_CHARACTERS:
        problems = [*problems, _long_comment(spec, len(comment))]
    warnings = []
    if spec.suggests_hashtags and "#" not in draft.text:
        words = f"On {spec.name} a post with a hashtag usually reaches more people"
        warnings.append(Problem(field="content", code="NO_HASHTAGS", message=words))
    return Finding(problems=problems, warnings=warnings)


def _long_comment(spec: Spec, length: int) -> Problem:
    return Problem(
        field="firstComment",
        code="COMMENT_TOO_LONG",
        message=f"a first comment may have {COMMENT_CHARACTERS} characters; this has {length}",
        limit=COMMENT_CHARACTERS,
        actual=length,
    )


def count_scheduled(
    session: Session, workspace_id: UUID, account_id: UUID, start: datetime, end: datetime
) -> int:
    """How many posts of an account are scheduled in a range; raises NotFound, Invalid."""
    if start > end:
        raise Invalid([Issue(field="endDate", message="must not be before startDate")])
    accounts.get(session, workspace_id, account_id)
    counted = session.scalar(
        select(func.count(Post.id))
        .join(Destination, Destination.post_id == Post.id)
        .where(
            Post.workspace_id == workspace_id,
            Destination.account_id == account_id,
            Post.status == Status.SCHEDULED,
            Post.scheduled_for.between(start, end),
        )
    )
    return counted or 0


def inline_media(
    index: int,
    kind: str,
    content_type: str | None,
    size_bytes: int | None,
    duration_ms: int | None,
) -> Media:
    """A file that is only described: as good as it can be where nothing is said."""
    types = {"image": "image/jpeg", "gif": "image/gif", "video": "video/mp4"}
    return Media(
        id=str(index),
        type=content_type or types[kind],
        bytes=size_bytes or 0,
        sha256="",
        filename=f"media[{index}]",
        seconds=None if duration_ms is None else duration_ms / 1_000,
    )
