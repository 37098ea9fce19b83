"""What a file is, told from its first bytes. Its name and its sender's word count for nothing."""

import re
from collections.abc import Mapping, Set
from typing import Final

HEAD_BYTES: Final = 4096  # how much of a file `sniff` wants to see

SVG: Final = "image/svg+xml"
IMAGES: Final[Mapping[str, str]] = {  # the content type, and Pillow's name of the format
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
VIDEOS: Final[Mapping[str, str]] = {  # the content type, and FFmpeg's name of the demuxer
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}
ACCEPTED: Final[Set[str]] = IMAGES.keys() | VIDEOS.keys()

# ISO base media files: https://mp4ra.org/registered-types/brands
_MP4: Final = re.compile(rb"iso[m2-9a-c]|mp4[12]|avc1|M4V.|MSNV|dash|XAVC")
_STILL: Final = re.compile(rb"mif[12]|msf1|hei[cxms]|hev[cmsx]|avi[fs]|miaf|jpeg|j2k[ip]|crx ")
_OLD_QUICKTIME: Final = (b"moov", b"mdat", b"wide", b"pnot")  # from before there were brands

_BEGINNINGS: Final[Mapping[bytes, str]] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"PK\x05\x06": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"BZh": "application/x-bzip2",
    b"\xfd7zXZ\x00": "application/x-xz",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"Rar!\x1a\x07": "application/vnd.rar",
    b"\x7fELF": "application/x-executable",
    b"MZ": "application/x-executable",
    b"#!": "text/x-script",
    b"#EXTM3U": "application/vnd.apple.mpegurl",
    b"ffconcat version": "text/x-ffconcat",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"BM": "image/bmp",
    b"OggS": "application/ogg",
    b"ID3": "audio/mpeg",
}
_RIFF: Final[Mapping[bytes, str]] = {
    b"WEBP": "image/webp",
    b"AVI ": "video/x-msvideo",
    b"WAVE": "audio/wav",
}


def sniff(head: bytes) -> str | None:
    """The content type of a file that begins with `head`; None where the beginning says nothing.

    What is not in ACCEPTED is told apart only so that a refusal can name it.
    """
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return _boxed(head) or _marked_up(head)


def _boxed(head: bytes) -> str | None:
    """The containers whose first bytes are a length, or no ASCII."""
    if head[4:8] == b"ftyp":
        return _branded(head)
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"\x42\x82\x84webm" in head[:128] else "video/x-matroska"
    return "application/x-tar" if head[257:262] == b"ustar" else None


def _branded(head: bytes) -> str | None:
    """An ISO base media file, by its major brand and those it is compatible with."""
    end = max(16, min(int.from_bytes(head[:4], "big"), len(head)))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] == b"qt  ":
        return "video/quicktime"
    if _STILL.match(brands[0]):
        return "image/heif"
    return "video/mp4" if any(_MP4.match(brand) for brand in brands) else None


def _marked_up(head: bytes) -> str | None:
    """SVG and HTML may begin with a byte order mark, space, comments and declarations."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\x00", b"")[2:]
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not text.startswith(b"<"):
        return None
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "text/html"
    return SVG if re.search(rb"<(\w+:)?svg[\s/>]", text) else "text/xml"
