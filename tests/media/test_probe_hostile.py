"""Files made to hurt whoever opens them: refused for what they are, at little cost."""

import asyncio
import struct
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from loopback import answering, serving
from media import files
from oncue.errors import NotAccepted
from oncue.media import confined
from oncue.media.probe import LIMITS, Budget, Limits, order_for, probe

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


async def refusal(path: Path, limits: Limits = LIMITS) -> NotAccepted:
    with pytest.raises(NotAccepted) as refused:
        await probe(path, limits=limits)
    return refused.value


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def png_of_nothing(width: int, height: int) -> bytes:
    """A PNG of one colour: a bit a pixel, and zeroes compress a thousandfold."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (
            png_of_nothing(13_000, 13_000),
            {"code": "IMAGE_TOO_LARGE", "limit": 100_000_000, "actual": 169_000_000},
        ),
        (
            files.crowded_gif(52_400, (2_000, 2_000)),
            {"code": "TOO_MANY_FRAMES", "limit": 500},
        ),
        (
            files.crowded_gif(400, (2_000, 2_000)),
            {"code": "IMAGE_TOO_LARGE", "limit": 100_000_000, "actual": 1_600_000_000},
        ),
        (
            files.animation("WEBP", 30).replace(b"\x1f\0\0\x17\0\0", b"\x0f\x3f\0\x0f\x3f\0"),
            {"code": "IMAGE_TOO_LARGE", "limit": 100_000_000, "actual": 16_144 * 16_144},
        ),
    ],
    ids=["a bomb of one colour", "many frames", "large frames", "a canvas a header made up"],
)
async def test_what_would_fill_the_memory_is_refused_from_its_header(
    content: bytes, facts: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path / "a", content)

    answer = await confined.ask("probe", order_for(path, None, LIMITS), LIMITS.process)

    assert answer.refused is not None
    told = {"code": answer.refused.code, **answer.refused.facts}
    assert (told, answer.refused.status) == (told | facts, 422)
    assert answer.peak_bytes < 64 * MIB
    assert answer.cpu_seconds < 1


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", 415, "image/svg+xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<svg/>  ", 415, "image/svg+xml"),
        ("<?xml version='1.0'?><SVG ></SVG>".encode("utf-16"), 415, "image/svg+xml"),
        (b"<!DOCTYPE html><script>alert(1)</script>", 422, "text/html"),
        (files.archive(), 422, "application/zip"),
        (b"\x1f\x8b\x08" + bytes(60), 422, "application/gzip"),
        (b"%PDF-1.7\n", 422, "application/pdf"),
        (b"#EXTM3U\n", 422, "application/vnd.apple.mpegurl"),
        (b"MZ" + bytes(100), 422, "application/x-executable"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", 422, "image/heif"),
        (b"\x00\x00\x00\x14ftypavif\x00\x00\x00\x00avif", 422, "image/heif"),
        (b"nothing in particular", 422, None),
        (b"", 422, None),
    ],
)
async def test_a_kind_that_no_network_takes_is_named(
    content: bytes, status: int, kind: str | None, tmp_path: Path
) -> None:
    refused = await refusal(written(tmp_path / "a.jpg", content))

    assert (refused.code, refused.status) == ("MEDIA_TYPE_NOT_SUPPORTED", status)
    assert refused.details == {"reason": "media_type_not_supported", "contentType": kind}


def playlists(target: str) -> dict[str, bytes]:
    """Files that ask whoever plays them to fetch `target`."""
    hls = f"#EXTM3U\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode()
    concat = f"ffconcat version 1.0\nfile '{target}'\n".encode()
    dash = f"<?xml version='1.0'?><MPD><BaseURL>{target}</BaseURL></MPD>".encode()
    smil = f"<smil><body><video src='{target}'/></body></smil>".encode()
    sdp = f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nu={target}\n".encode()
    ftyp = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"
    avi = b"RIFF" + struct.pack("<I", len(hls) + 4) + b"AVI " + hls
    return {
        "hls": hls,
        "hls after an MP4's first box": ftyp + hls,
        "hls in an AVI": avi,
        "concat": concat,
        "dash": dash,
        "smil": smil,
        "sdp": sdp,
        "reference movie": ftyp + _reference_movie(target.encode()),
        "external track": _external_track(target.encode()),
    }


def _box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def _reference_movie(target: bytes) -> bytes:
    reference = _box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(target) + 1), target + b"\0")
    return _box(b"moov", _box(b"rmra", _box(b"rmda", reference)))


def _external_track(target: bytes) -> bytes:
    """A track whose samples are said to lie in another file."""
    whole = bytearray(files.clip_bytes())
    at = whole.index(b"dref")
    entry = struct.pack(">I4sI", 12 + len(target) + 1, b"url ", 0) + target + b"\0"
    old = struct.unpack(">I", whole[at - 4 : at])[0]
    box = _box(b"dref", struct.pack(">II", 0, 1), entry)
    return _grown(whole, at - 4, old, box)


def _grown(whole: bytearray, at: int, old: int, box: bytes) -> bytes:
    """The MP4 with the box at `at` replaced, and every box around it told its new size."""
    start, more = 0, len(box) - old
    while start < at:
        (size,) = struct.unpack(">I", whole[start : start + 4])
        if start + size <= at:
            start += size
        else:
            whole[start : start + 4] = struct.pack(">I", size + more)
            start += 8
    return bytes(whole[:at] + box + whole[at + old :])


@pytest.mark.parametrize("kind", sorted(set(playlists("x"))))
async def test_a_playlist_dressed_as_a_video_is_refused_and_asks_nobody(
    kind: str, tmp_path: Path
) -> None:
    async with serving(answering(200, files.clip_bytes())) as served:
        path = written(tmp_path / "a.mp4", playlists(f"{served.url}/a.mp4")[kind])
        if kind == "external track":
            assert (await probe(path)).content_type == "video/mp4"  # the address is passed over
        else:
            refused = await refusal(path)
            assert refused.status == 422

    assert served.asked == []


@pytest.mark.parametrize("kind", sorted(set(playlists("x")) - {"external track"}))
async def test_a_playlist_reads_no_other_file(kind: str, tmp_path: Path) -> None:
    secret = files.clip(tmp_path / "secret.mp4")

    refused = await refusal(written(tmp_path / "a.mp4", playlists(f"file://{secret}")[kind]))

    assert (refused.status, files.names(tmp_path)) == (422, ["a.mp4", "secret.mp4"])


@cache
def whole_files() -> dict[str, bytes]:
    return {
        "a.jpg": files.picture("JPEG", 640, 480),
        "progressive.jpg": files.picture("JPEG", 640, 480, progressive=True),
        "a.png": files.picture("PNG", 640, 480),
        "a.gif": files.picture("GIF", 640, 480),
        "moving.gif": files.animation("GIF", 8),
        "a.webp": files.picture("WEBP", 640, 480),
        "moving.webp": files.animation("WEBP", 8),
        "a.mp4": files.clip_bytes(),
        "index first.mp4": files.clip_bytes(options={"movflags": "faststart"}),
        "a.mov": files.clip_bytes("mov"),
        "a.webm": files.clip_bytes("webm", codec="libvpx", sound=None),
        "a.mkv": files.clip_bytes("mkv"),
        "a.avi": files.clip_bytes("avi", codec="mpeg4", sound="mp3"),
    }


@pytest.mark.parametrize("name", sorted(whole_files()))
async def test_a_file_that_was_cut_off_is_unreadable(name: str, tmp_path: Path) -> None:
    content = whole_files()[name]
    path = written(tmp_path / name, content)
    assert (await probe(path)).width is not None

    for part in (0.9, 0.5):
        cut = written(tmp_path / name, content[: int(len(content) * part)])
        refused = await refusal(cut)
        assert (refused.code, refused.status) == ("MEDIA_UNREADABLE", 422)


async def test_a_file_of_no_bytes_is_called_empty(tmp_path: Path) -> None:
    refused = await refusal(written(tmp_path / "a", b""))

    assert (refused.code, refused.status) == ("MEDIA_TYPE_NOT_SUPPORTED", 422)
    assert refused.reason.endswith("this is empty")


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/gif", "image/webp"])
async def test_a_head_without_a_body_is_unreadable(kind: str, tmp_path: Path) -> None:
    content = files.picture(kind.removeprefix("image/").upper())

    for size in (12, 30):
        refused = await refusal(written(tmp_path / "a", content[:size]))
        assert refused.code == "MEDIA_UNREADABLE"


async def test_a_file_over_the_byte_limit_is_not_opened(tmp_path: Path) -> None:
    path = written(tmp_path / "a", files.picture("JPEG"))
    size = path.stat().st_size

    refused = await refusal(path, Limits(budget=Budget(image_bytes=size - 1)))

    assert (refused.code, refused.facts) == (
        "MEDIA_TOO_LARGE",
        {"limit": size - 1, "actual": size},
    )


async def test_memory_is_limited_whatever_the_header_says(tmp_path: Path) -> None:
    path = written(tmp_path / "a", png_of_nothing(9_000, 9_000))
    little = replace(LIMITS, process=replace(LIMITS.process, memory_bytes=80 * MIB))

    refused = await refusal(path, little)

    assert (refused.code, refused.status) == ("PROBE_LIMIT", 422)
    assert (await probe(path)).width == 9_000


def endless_scans() -> bytes:
    """A progressive JPEG that refines one picture over and over."""
    whole = files.picture("JPEG", 3_000, 3_000, progressive=True, quality=30)
    first = whole.index(b"\xff\xda")
    second = whole.index(b"\xff\xda", first + 2)
    scan = whole[first:second]
    return whole[:second] + scan * (15 * MIB // len(scan)) + whole[second:]


async def test_cpu_time_is_limited(tmp_path: Path) -> None:
    path = written(tmp_path / "a", endless_scans())
    quick = replace(LIMITS, process=replace(LIMITS.process, cpu_seconds=1))

    refused = await refusal(path, quick)

    assert refused.code == "PROBE_LIMIT"
    assert refused.facts["limit"].startswith("the process ended with signal")


async def test_the_clock_ends_a_process_and_leaves_none_behind(tmp_path: Path) -> None:
    path = written(tmp_path / "a", endless_scans())
    at_once = replace(LIMITS, process=replace(LIMITS.process, wall_seconds=0))

    refused = await refusal(path, at_once)

    assert (refused.code, refused.facts) == ("PROBE_LIMIT", {"limit": "0 seconds"})
    assert children() == []


async def test_who_stops_waiting_stops_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCUE_SECRET_KEYS", "k1:canary")
    path = written(tmp_path / "a", endless_scans())

    waiting = asyncio.create_task(probe(path))
    while not (pids := children()):  # noqa: ASYNC110  (another process sets no event)
        await asyncio.sleep(0.01)
    told = files.read(Path(f"/proc/{pids[0]}/environ"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert children() == []
    assert b"canary" not in told


def children() -> list[int]:
    """The confined processes that this one has started and not seen end."""
    tasks = Path("/proc/self/task").iterdir()
    pids = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in pids if b"oncue.media.child" in files.read(Path(f"/proc/{pid}/cmdline"))]


async def test_a_thumbnail_is_the_only_thing_written(tmp_path: Path) -> None:
    path, small = written(tmp_path / "a", files.picture("PNG")), tmp_path / "small"

    await probe(path, thumbnail=small)

    assert files.names(tmp_path) == ["a", "small"]
