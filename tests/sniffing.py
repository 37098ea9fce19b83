"""A probe and a renderer that cost no process, for files as tests write them."""

import struct
from hashlib import sha256
from pathlib import Path
from typing import Final

from oncue.errors import NotAccepted
from oncue.media.kinds import ACCEPTED, SVG, sniff
from oncue.media.probe import Probed
from oncue.media.recipes import Recipe
from oncue.media.render import Rendered
from oncue.media.taken import limit_of

NOTHING: Final = {
    "seconds": None,
    "fps": None,
    "frames": None,
    "video_codec": None,
    "audio_codec": None,
}


async def sniffed(path: Path, *, thumbnail: Path | None = None) -> Probed:
    """What the file at `path` begins as; raises NotAccepted as the real one does.

    A file whose last bytes are "thumbnail" has one: those bytes.
    """
    content = _read(path)
    kind = sniff(content[:4096]) or "application/octet-stream"
    limit = limit_of(kind)
    if kind not in ACCEPTED or limit is None:
        raise NotAccepted(
            code="MEDIA_TYPE_NOT_SUPPORTED",
            reason=f"{kind} is not taken",
            facts={"contentType": kind},
            status=415 if kind == SVG else 422,
        )
    if len(content) > limit:
        facts = {"limit": limit, "actual": len(content)}
        raise NotAccepted(code="MEDIA_TOO_LARGE", reason="it is too large", facts=facts)
    has_thumbnail = content.endswith(b"thumbnail")
    if has_thumbnail and thumbnail is not None:
        _write(thumbnail, b"thumbnail of " + content[:32])
    width, height = _size(content, kind)
    return Probed(
        content_type=kind, width=width, height=height, has_thumbnail=has_thumbnail, **NOTHING
    )


async def copied(source: Path, recipe: Recipe, target: Path) -> Rendered:
    """The same bytes, as if they had been mended."""
    content = _read(source)
    _write(target, content)
    return Rendered(
        content_type=recipe.content_type,
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        width=None,
        height=None,
        seconds=None,
    )


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _size(content: bytes, kind: str) -> tuple[int | None, int | None]:
    """Width and height, of the kinds that say so in their first bytes."""
    try:
        if kind == "image/png":
            return struct.unpack(">II", content[16:24])
        if kind == "image/gif":
            return struct.unpack("<HH", content[6:10])
    except struct.error:
        return None, None
    return None, None
