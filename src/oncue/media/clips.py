"""Opening videos: one demuxer, known decoders, this file and nothing it names."""

from pathlib import Path
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from oncue.errors import NotAccepted
from oncue.media.kinds import VIDEOS

# fmt: off
_VIDEO_DECODERS: Final = frozenset({
    "h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4", "msmpeg4v2",
    "msmpeg4", "h263", "mpeg1video", "mpeg2video", "mjpeg", "prores", "dnxhd",
})
_AUDIO_DECODERS: Final = frozenset({
    "aac", "mp3", "mp3float", "mp2", "ac3", "eac3", "opus", "libopus", "vorbis", "flac", "alac",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8",
    "pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "amrnb", "amrwb",
})
# fmt: on


_QUARTERS: Final = (90, 270)  # degrees that swap width and height


def open_clip(path: Path, content_type: str) -> InputContainer:
    """The video at `path`, read as what its first bytes say it is.

    A playlist or an index of other files has its own demuxer and is not read at all; what an MP4
    may name (another file, an address) is behind protocols that are not there.
    """
    demuxer = VIDEOS[content_type]
    return av.open(
        f"file:{path}",
        "r",
        format=demuxer,
        options={
            "format_whitelist": "mov,mp4,matroska,webm,avi",
            "protocol_whitelist": "file",
            "codec_whitelist": ",".join(sorted(_VIDEO_DECODERS | _AUDIO_DECODERS)),
        },
        metadata_errors="ignore",
    )


def picture_of(clip: InputContainer) -> VideoStream:
    """The moving picture: not the cover, and not a thumbnail track."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    for stream in clip.streams.video:
        if stream.disposition & still:
            continue
        if stream.codec_context is None or stream.codec_context.name not in _VIDEO_DECODERS:
            raise _not_a_video("it is in a codec that is not taken")
        stream.codec_context.thread_count = 1
        return stream
    raise _not_a_video("there is no picture in it")


def sound_of(clip: InputContainer) -> AudioStream | None:
    """The first sound that can be read."""
    for stream in clip.streams.audio:
        if stream.codec_context is not None and stream.codec_context.name in _AUDIO_DECODERS:
            return stream
    return None


def first_frame(clip: InputContainer, stream: VideoStream) -> VideoFrame:
    for frame in clip.decode(stream):
        return frame
    raise NotAccepted(
        code="MEDIA_UNREADABLE", reason="the file cannot be read: no frame of it can be decoded"
    )


def size_of(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height in pixels as shown: with square pixels, the right way up."""
    squeezed = stream.sample_aspect_ratio
    width = max(1, round(frame.width * squeezed)) if squeezed else frame.width
    return (frame.height, width) if frame.rotation % 360 in _QUARTERS else (width, frame.height)


def as_image(frame: VideoFrame, long_side: int) -> Image.Image:
    """The frame as it is shown, with `long_side` pixels at most."""
    scale = min(1.0, long_side / max(frame.width, frame.height))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    image: Image.Image = frame.reformat(width, height, "rgb24").to_image()  # type: ignore[no-untyped-call]
    return image.rotate(frame.rotation, expand=True)


def _not_a_video(why: str) -> NotAccepted:
    return NotAccepted(
        code="MEDIA_TYPE_NOT_SUPPORTED", reason=f"the file is no video that can be used: {why}"
    )
