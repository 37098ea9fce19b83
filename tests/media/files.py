"""Files to probe and to render, made here: pictures and clips, whole, hostile and cut off."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
from PIL import Image, ImageChops

_QUICK = {"preset": "ultrafast", "cpu-used": "8", "deadline": "realtime"}


def gradient(width: int, height: int) -> Image.Image:
    """A picture with something in it: every corner has a colour of its own."""
    red = Image.linear_gradient("L").resize((width, height))
    green = red.transpose(Image.Transpose.ROTATE_90).resize((width, height))
    return Image.merge("RGB", (red, green, Image.new("L", (width, height), 90)))


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def picture(format: str, width: int = 64, height: int = 48, **options: Any) -> bytes:  # noqa: A002
    return encoded(gradient(width, height), format, **options)


def animation(format: str, frames: int, size: tuple[int, int] = (32, 24)) -> bytes:  # noqa: A002
    first, *rest = (Image.new("RGB", size, (40 * number % 256, 90, 30)) for number in range(frames))
    return encoded(first, format, save_all=True, append_images=rest, duration=100, loop=0)


def crowded_gif(frames: int, screen: tuple[int, int]) -> bytes:
    """A GIF of a pixel a frame: fifteen bytes each, and a whole screen to decode."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def exif(orientation: int = 1, **more: Any) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = more.get("camera", "ACME Optics")
    if "latitude" in more:
        data[0x8825] = {1: "N", 2: more["latitude"], 3: "E", 4: more["latitude"]}
    return data


def clip(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    seconds: float = 1,
    fps: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = "aac",
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    encoder: Mapping[str, str] | None = None,
    shape: Fraction | None = None,
    noisy: bool = False,
    late: int = 0,
) -> Path:
    """A clip whose picture wanders from frame to frame, with silence beside it.

    The picture begins `late` frames after the silence.
    """
    with av.open(path, "w", options=dict(options or {})) as container:
        container.metadata.update(metadata or {})
        picture = container.add_stream(codec, rate=fps, options=_QUICK | dict(encoder or {}))
        assert isinstance(picture, av.VideoStream)
        picture.width, picture.height = size
        picture.pix_fmt = pixels
        picture.thread_count = 1
        if shape is not None:
            picture.codec_context.sample_aspect_ratio = shape
        voice = None if sound is None else container.add_stream(sound, rate=48_000)
        still = Image.effect_noise(size, 90).convert("RGB") if noisy else gradient(*size)
        for number in range(round(seconds * fps)):
            frame = _frame(ImageChops.offset(still, number * (7 if noisy else 1)))
            frame.pts, frame.time_base = number + late, Fraction(1, fps)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if voice is not None:
            assert isinstance(voice, av.AudioStream)
            _silence(container, voice, seconds)
    return path


def _frame(image: Image.Image) -> av.VideoFrame:
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame


def sound(path: Path) -> Path:
    """A sound in the container of a video."""
    with av.open(path, "w", format="mp4") as container:
        voice = container.add_stream("aac", rate=48_000)
        assert isinstance(voice, av.AudioStream)
        _silence(container, voice, 1)
    return path


def _silence(container: Any, voice: av.AudioStream, seconds: float) -> None:
    size = voice.codec_context.frame_size or 1024
    for start in range(0, round(seconds * 48_000), size):
        frame = av.AudioFrame(format=voice.format.name, layout=voice.layout, samples=size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(voice.encode(frame))
    container.mux(voice.encode(None))


def on_its_side(path: Path) -> Path:
    """The same MP4 as a phone held upright writes it: a matrix says to turn it by 90 degrees."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    one = 1 << 16
    content[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def clip_bytes(ending: str = "mp4", **made: Any) -> bytes:
    """A clip in memory."""
    with TemporaryDirectory() as folder:
        return clip(Path(folder) / f"a.{ending}", **made).read_bytes()


def stored(seen: Image.Image, orientation: int) -> Image.Image:
    """The pixels of a picture as a camera that was held like this stores them."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return seen if orientation == 1 else seen.transpose(back[orientation])


def archive() -> bytes:
    """A ZIP with a file in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as content:
        content.writestr("a.txt", "hello")
    return written.getvalue()


def read(path: Path) -> bytes:
    return path.read_bytes()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def size(path: Path) -> int:
    return path.stat().st_size
