"""Videos in a new container: copied where that will do, encoded as H.264 and AAC where not."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from oncue.media import clips

AnyPacket: TypeAlias = "Packet[Any]"

MUXERS: Final = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "matroska",
}
TRIES: Final = (1.0, 0.8, 0.6)  # of the bits a second
QUALITY: Final = "21"  # x264's constant rate factor, where there are bits enough
SAMPLE_RATE: Final = 48_000
GAP: Final = SAMPLE_RATE // 5  # samples: a silence that is nowhere in the file
THREADS: Final = 2  # a fixed number: the same bytes on every machine


def render(
    path: Path, content_type: str, recipe: Mapping[str, Any], page: Path
) -> Mapping[str, Any]:
    """Write the video to `page`; tell its content type, size in pixels and length."""
    for share in TRIES:
        with clips.open_clip(path, content_type) as source, _container(page, recipe) as target:
            _Passage(source, target, recipe, share).run()
        if recipe["picture"] is None or page.stat().st_size <= recipe["max_bytes"]:
            break
    return _facts(page, recipe["content_type"])


def _container(page: Path, recipe: Mapping[str, Any]) -> OutputContainer:
    muxer = MUXERS[recipe["content_type"]]
    options = {"fflags": "bitexact"} | (
        {"movflags": "faststart"} if muxer in ("mp4", "mov") else {}
    )
    return av.open(f"file:{page}", "w", format=muxer, options=options)


def _facts(page: Path, content_type: str) -> dict[str, Any]:
    with clips.open_clip(page, content_type) as made:
        stream = clips.picture_of(made)
        width, height = clips.size_of(clips.first_frame(made, stream), stream)
        seconds = None if made.duration is None else round(made.duration / 1_000_000, 3)
    return {"content_type": content_type, "width": width, "height": height, "seconds": seconds}


class Way(Protocol):
    """What becomes of one stream's packets."""

    @property
    def is_known(self) -> bool:
        """Whether the container's head can say what the stream is."""
        ...

    def packets(self, packet: "AnyPacket") -> Iterable["AnyPacket"]: ...

    def rest(self) -> Iterable["AnyPacket"]:
        """What is left when there are no more packets."""
        ...


class _Passage:
    """One pass over the source, packet by packet, and the streams it goes to."""

    def __init__(
        self,
        source: InputContainer,
        target: OutputContainer,
        recipe: Mapping[str, Any],
        share: float,
    ) -> None:
        self._source, self._target = source, target
        self._picture = clips.picture_of(source)
        self._sound = clips.sound_of(source)
        self._video: Way = (
            Copied(target, self._picture)
            if recipe["picture"] is None
            else Encoded(target, self._picture, recipe["picture"], share)
        )
        self._audio: Way | None = None
        if self._sound is not None:
            bits = recipe["audio_bits"]
            self._audio = Copied(target, self._sound) if bits is None else Spoken(target, bits)

    def run(self) -> None:
        streams = [stream for stream in (self._picture, self._sound) if stream is not None]
        early: list[AnyPacket] = []  # sound that comes before the first picture
        for packet in self._source.demux(streams):
            way = self._video if packet.stream is self._picture else self._audio
            if way is not None:
                early += way.packets(packet)
            if self._video.is_known:  # the first packet has the head written
                self._target.mux(early)
                early = []
        for way in (self._video, self._audio):
            if way is not None:
                self._target.mux(list(way.rest()))


class Copied:
    """A stream whose packets go on as they came."""

    is_known: Final = True

    def __init__(self, target: OutputContainer, stream: VideoStream | AudioStream) -> None:
        self._to = target.add_stream_from_template(stream)

    def packets(self, packet: "AnyPacket") -> Iterable["AnyPacket"]:
        # The end. A Matroska file's first frames have no dts either: the muxer finds it.
        if packet.dts is None and not packet.size:
            return
        packet.stream = self._to
        yield packet

    def rest(self) -> Iterable["AnyPacket"]:
        return ()


class Encoded:
    """A picture, filtered to size and rate and encoded as H.264."""

    def __init__(
        self,
        target: OutputContainer,
        stream: VideoStream,
        wanted: Mapping[str, Any],
        share: float,
    ) -> None:
        self._from = stream
        self._wanted = wanted
        self._rate = Fraction(wanted["fps"]).limit_denominator(1001)
        self._graph: Graph | None = None
        self._target = target
        self._options = {
            "preset": "veryfast",
            "profile": "high",
            "crf": QUALITY,
            "g": str(max(1, round(2 * self._rate))),
            "rc-lookahead": "20",
        }
        if wanted["bits"] is not None:
            bits = int(wanted["bits"] * share)
            self._options |= {"maxrate": str(bits), "bufsize": str(bits)}
        self._to = self._target.add_stream("libx264", rate=self._rate, options=self._options)
        self._to.pix_fmt = "yuv420p"
        self._to.thread_count = THREADS

    @property
    def is_known(self) -> bool:
        return self._graph is not None

    def packets(self, packet: "AnyPacket") -> Iterable["AnyPacket"]:
        for frame in packet.decode():
            if self._graph is None:
                self._graph = self._filters(frame)
            self._graph.vpush(frame)
            yield from self._pulled(self._graph)

    def rest(self) -> Iterable["AnyPacket"]:
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pulled(self._graph)
        yield from self._to.encode(None)

    def _filters(self, frame: VideoFrame) -> Graph:
        """Turned upright, scaled to square pixels, so many frames a second, eight bits."""
        size = self._wanted["size"] or clips.size_of(frame, self._from)
        width, height = (max(2, side // 2 * 2) for side in size)
        self._to.width, self._to.height = width, height
        graph = Graph()
        last = graph.add_buffer(template=self._from)
        for name, arguments in (
            *_TURNS.get(frame.rotation % 360, ()),
            ("scale", f"{width}:{height}:flags=bicubic"),
            ("setsar", "1"),
            ("fps", f"{self._rate.numerator}/{self._rate.denominator}"),
            ("format", "yuv420p"),
            ("buffersink", None),
        ):
            node = graph.add(name, arguments)
            last.link_to(node)
            last = node
        graph.configure()
        return graph

    def _pulled(self, graph: Graph) -> Iterable["AnyPacket"]:
        while True:
            try:
                frame = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield from self._to.encode(frame)


class Spoken:
    """A sound as AAC in stereo. Its samples are counted rather than timed: times are rounded."""

    is_known: Final = True

    def __init__(self, target: OutputContainer, bits: int) -> None:
        self._to = target.add_stream("aac", rate=SAMPLE_RATE)
        self._to.bit_rate = bits
        self._to.layout = "stereo"
        self._resampler = AudioResampler("fltp", "stereo", SAMPLE_RATE, frame_size=1024)
        self._next: int | None = None  # the sample at which the next part begins

    def packets(self, packet: "AnyPacket") -> Iterable["AnyPacket"]:
        frames: Iterable[Any] = packet.decode()
        for frame in frames:
            begins = 0 if frame.time is None else max(0, round(frame.time * SAMPLE_RATE))
            if self._next is None or begins > self._next + GAP:
                self._next = begins
            yield from self._encoded(self._resampler.resample(frame))

    def rest(self) -> Iterable["AnyPacket"]:
        yield from self._encoded(self._resampler.resample(None))
        yield from self._to.encode(None)

    def _encoded(self, parts: Iterable[AudioFrame]) -> Iterable["AnyPacket"]:
        for part in parts:
            begins = self._next or 0
            part.pts, part.time_base = begins, Fraction(1, SAMPLE_RATE)
            self._next = begins + part.samples
            yield from self._to.encode(part)


_TURNS: Final[Mapping[int, tuple[tuple[str, str | None], ...]]] = {
    90: (("transpose", "cclock"),),
    180: (("hflip", None), ("vflip", None)),
    270: (("transpose", "clock"),),
}
