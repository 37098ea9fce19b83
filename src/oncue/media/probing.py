"""What is in a file, found out by reading it. This runs in a confined process."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from oncue.errors import NotAccepted
from oncue.media import kinds, wholeness

if TYPE_CHECKING:
    from av.container import InputContainer

THUMBNAIL_SIDE: Final = 480


def work(*, source: str, thumbnail: str | None, budget: Mapping[str, int]) -> Mapping[str, Any]:
    """The fields of oncue.media.probe.Probed. Raises NotAccepted."""
    path, shown = Path(source), None if thumbnail is None else Path(thumbnail)
    with path.open("rb") as file:
        content_type = kind_of(file)
        is_image = content_type in kinds.IMAGES
        check_bytes(path, budget["image_bytes" if is_image else "video_bytes"])
        if is_image:
            return _image(file, content_type, shown, budget)
        wholeness.check_whole(file, kinds.VIDEOS[content_type])
        return _video(path, file, content_type, shown)


def kind_of(file: BinaryIO) -> str:
    """The content type that the file's bytes have. Raises NotAccepted where it is not taken."""
    head = file.read(kinds.HEAD_BYTES)
    kind = kinds.sniff(head)
    if kind is not None and kind in kinds.ACCEPTED:
        return kind
    what = kind or ("none of these" if head else "empty")
    raise NotAccepted(
        code="MEDIA_TYPE_NOT_SUPPORTED",
        reason="a file is a JPEG, PNG, GIF or WebP image or an MP4, QuickTime, WebM, Matroska or "
        f"AVI video; this is {what}",
        facts={"contentType": kind},
        status=415 if kind == kinds.SVG else 422,
    )


def check_bytes(path: Path, limit: int) -> None:
    if (actual := path.stat().st_size) > limit:
        raise NotAccepted(
            code="MEDIA_TOO_LARGE",
            reason=f"a file of this kind may have {limit} bytes; this has {actual}",
            facts={"limit": limit, "actual": actual},
        )


def _image(
    file: BinaryIO, content_type: str, shown: Path | None, budget: Mapping[str, int]
) -> dict[str, Any]:
    from oncue.media import pictures

    header = pictures.within_budget(
        file, content_type, pixels=budget["pixels"], frames=budget["frames"]
    )
    image = pictures.opened(file, content_type, enough=(2 * THUMBNAIL_SIDE,) * 2)
    held = pictures.orientation_of(image)
    if shown is not None:
        shown.write_bytes(pictures.thumbnail(image, held, THUMBNAIL_SIDE))
    sides = (header.width, header.height)
    width, height = reversed(sides) if pictures.is_on_its_side(held) else sides
    moves = header.frames > 1
    return _found(
        content_type=content_type,
        width=width,
        height=height,
        frames=header.frames if moves or content_type == "image/gif" else None,
        seconds=header.seconds,
        has_thumbnail=shown is not None,
    )


def _video(path: Path, file: BinaryIO, content_type: str, shown: Path | None) -> dict[str, Any]:
    from oncue.media import clips, pictures

    with clips.open_clip(path, content_type) as clip:
        picture = clips.picture_of(clip)
        sound = clips.sound_of(clip)
        frame = clips.first_frame(clip, picture)
        if shown is not None:
            small = clips.as_image(frame, THUMBNAIL_SIDE)
            shown.write_bytes(pictures.thumbnail(small, 1, THUMBNAIL_SIDE))
        width, height = clips.size_of(frame, picture)
        is_unsure = content_type == "video/mp4" and wholeness.is_fragmented(file)
        rate = picture.guessed_rate if is_unsure else picture.average_rate
        return _found(
            content_type=content_type,
            width=width,
            height=height,
            seconds=_seconds(clip, is_unsure=is_unsure),
            fps=None if rate is None else round(float(rate), 3),
            video_codec=picture.codec_context.codec.canonical_name,
            audio_codec=None if sound is None else sound.codec_context.codec.canonical_name,
            has_thumbnail=shown is not None,
        )


def _seconds(clip: "InputContainer", *, is_unsure: bool) -> float | None:
    """How long it lasts: what the file says, or else the end of its last packet."""
    if clip.duration is not None and clip.duration > 0 and not is_unsure:
        return round(clip.duration / 1_000_000, 3)
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in clip.demux(video=0)
        if packet.pts is not None and packet.time_base is not None
    ]
    return round(max(ends), 3) if ends else None


def _found(**facts: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("width", "height", "seconds", "frames", "fps", "video_codec", "audio_codec")
    )
    return nothing | facts
