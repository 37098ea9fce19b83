"""What a file is and holds, told by its content and never by its name."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from oncue.media import confined

MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The facts of a file."""

    content_type: str  # what the bytes are, as in image/jpeg
    width: int | None  # pixels as shown: orientation applied
    height: int | None
    seconds: float | None  # of a video or an animation
    frames: int | None  # of a GIF or another animation
    fps: float | None
    video_codec: str | None  # FFmpeg's name: h264, hevc, vp9
    audio_codec: str | None
    has_thumbnail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much a file may be, whatever the process that reads it could take."""

    image_bytes: int = 20 * MB
    video_bytes: int = 500 * MB
    pixels: int = 100_000_000  # of all frames together
    frames: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may be, and what finding out may cost."""

    budget: Budget = Budget()
    process: confined.Limits = confined.LIMITS


LIMITS: Final = Limits()


async def probe(path: Path, *, thumbnail: Path | None = None, limits: Limits = LIMITS) -> Probed:
    """Read the file at `path`; write a small JPEG of it to `thumbnail` where that is asked for.

    Raises NotAccepted: MEDIA_TYPE_NOT_SUPPORTED, MEDIA_TOO_LARGE, IMAGE_TOO_LARGE,
    TOO_MANY_FRAMES, MEDIA_UNREADABLE or PROBE_LIMIT.
    """
    return Probed(**await confined.run("probe", order_for(path, thumbnail, limits), limits.process))


def order_for(path: Path, thumbnail: Path | None, limits: Limits) -> dict[str, Any]:
    """What the process is told. Raises FileNotFoundError: that one is not the file's fault."""
    return {
        "source": str(path.resolve(strict=True)),
        "thumbnail": None if thumbnail is None else str(thumbnail.resolve()),
        "budget": asdict(limits.budget),
    }
