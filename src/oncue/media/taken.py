"""Which files are taken, and how large they may be: what a sender is told before it sends.

What a file really is, only its bytes say: media/kinds.py and media/probe.py look at those.
"""

from typing import Final

from oncue.errors import NotAccepted
from oncue.media.kinds import IMAGES, VIDEOS
from oncue.media.probe import LIMITS

IMAGE_BYTES: Final = LIMITS.budget.image_bytes
VIDEO_BYTES: Final = LIMITS.budget.video_bytes
MOST_BYTES: Final = max(IMAGE_BYTES, VIDEO_BYTES)

# What others take and we cannot publish yet: to say so is kinder than not to know it.
NOT_YET: Final = {
    "application/pdf": "documents cannot be published yet",
    "application/x-subrip": "captions cannot be published yet",
    "text/srt": "captions cannot be published yet",
    "text/vtt": "captions cannot be published yet",
    "text/plain": "text files cannot be published yet",
}


def check_claim(content_type: str, size_bytes: int) -> str:
    """The type that a file is said to have, without parameters.

    Raises NotAccepted where nothing of that type and size is taken.
    """
    claimed = content_type.partition(";")[0].strip().lower()
    limit = limit_of(claimed)
    if limit is None:
        known = ", ".join([*IMAGES, *VIDEOS])
        why = NOT_YET.get(claimed, f"only {known} are taken")
        raise NotAccepted(
            code="MEDIA_TYPE_NOT_SUPPORTED",
            reason=f"{claimed or 'a file of no type'} is not taken: {why}",
            facts={"contentType": claimed},
            status=415,
        )
    if size_bytes > limit:
        reason = f"a file of type {claimed} may have {limit} bytes; this has {size_bytes}"
        facts = {"limit": limit, "actual": size_bytes}
        raise NotAccepted(code="MEDIA_TOO_LARGE", reason=reason, facts=facts)
    return claimed


def limit_of(content_type: str) -> int | None:
    """How many bytes a file of this type may have; None: it is not taken."""
    if content_type in IMAGES:
        return IMAGE_BYTES
    return VIDEO_BYTES if content_type in VIDEOS else None
