"""What the doctor looks at about files: the room they take, and whether a bucket answers."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from oncue.cli.doctor_checks import MB
from oncue.cli.findings import Finding, ok, problem
from oncue.errors import Unavailable
from oncue.media.space import Space, measure
from oncue.media.storage import BucketStorage
from oncue.settings import Settings


def media_space(current: Settings) -> Callable[[Session], Finding]:
    """How much there is, and how much of it no post uses."""

    def look(session: Session) -> Finding:
        space = measure(session)
        return ok("media", _words(space, current))

    return look


async def bucket(current: Settings) -> list[Finding]:
    """Whether the bucket answers, where files are kept in one."""
    name, place = "media bucket", current.media_bucket
    if place is None:
        return []
    try:
        await BucketStorage(place, current.media_dir).look()
    except Unavailable:
        words = f"{place.name} does not answer, or not to these credentials"
        return [problem(name, words, "Look at ONCUE_MEDIA_URL and the AWS_* variables.")]
    return [ok(name, f"{place.name} answers")]


def _words(space: Space, current: Settings) -> str:
    kept = current.media_retention
    until = "which are kept" if kept is None else f"which go after {kept.days} days"
    return (
        f"{space.files} files, {_size(space.size_bytes)}; no post uses {space.unused_files} "
        f"of them, {_size(space.unused_bytes)}, {until}"
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / MB:,.1f} MB"
