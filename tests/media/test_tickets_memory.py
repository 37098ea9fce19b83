"""A large file passes through a real server without passing through its memory.

ONCUE_TEST_UPLOAD_MB=500 tries it with the largest there is; half a gigabyte takes a while.
"""

import http.client
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from crash.site import Site
from media import files
from oncue.settings import Settings
from processes import World, ask, eventually, until_served

MB: Final = 1024 * 1024
LARGE: Final = int(os.environ.get("ONCUE_TEST_UPLOAD_MB", "96")) * MB
ALLOWED: Final = 32 * MB  # of growth, whatever comes in
PART: Final = bytes(MB)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def server(tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    """A server on SQLite that keeps its files in a folder, and publishes nowhere."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    site = Site(Settings(data_dir=tmp_path), World("http://127.0.0.1:9", tmp_path / "nowhere"))
    try:
        until_served(site.serve(), f"{site.url}/readyz")
        yield site
    finally:
        site.close()


def video(folder: Path, size: int) -> Sequence[bytes]:
    """A good video of so many bytes, most of them in a box that players pass over."""
    clip = files.clip(folder / "clip.mp4", sound=None).read_bytes()
    filling = size - len(clip)
    head = clip + filling.to_bytes(4, "big") + b"free"
    return [head, *[PART] * ((size - len(head)) // MB), bytes((size - len(head)) % MB)]


class Memory:
    """How much memory a server has taken at most, from here on."""

    def __init__(self, site: Site) -> None:
        pid = site.processes[-1]._child.pid
        self._status = Path(f"/proc/{pid}/status")
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is what it is now
        self._before = self._peak()

    def growth(self) -> int:
        return self._peak() - self._before

    def _peak(self) -> int:
        found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
        assert found is not None
        return int(found[1]) * 1024


def send(
    site: Site, method: str, url: str, parts: Sequence[bytes], **headers: str
) -> tuple[int, Any]:
    """Send a body part by part; status and JSON."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.url).port, timeout=120)
    length = {"content-length": str(sum(map(len, parts)))}
    connection.request(
        method, f"{address.path}?{address.query}", iter(parts), {**length, **headers}
    )
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    return answer.status, json.loads(said) if said else None


def announce(site: Site, size: int, **headers: str) -> Any:
    asked = {"filename": "a.mp4", "contentType": "video/mp4", "sizeBytes": size}
    return ask("POST", f"{site.url}/v1/media/upload", asked, **headers)


def test_a_large_file_leaves_the_memory_flat(server: Site, tmp_path: Path) -> None:
    key = {"authorization": f"Bearer {server.key}"}
    content = video(tmp_path, LARGE)
    warm_up(server, key)
    memory = Memory(server)

    ticket = announce(server, LARGE, **key)
    put, _ = send(server, "PUT", ticket["uploadUrl"], content)
    by_ticket = server_knows(server, ticket["mediaId"], key)
    after_ticket = memory.growth()
    posted, direct = send(server, "POST", f"{server.url}/v1/media", form(content), **key, **FORM)
    after_form = memory.growth()
    fetched = read(server, by_ticket["url"])

    assert (put, posted) == (200, 201)
    facts = {"status": "ready", "sizeBytes": LARGE, "dimensions": {"width": 64, "height": 48}}
    assert by_ticket.items() >= facts.items()
    assert direct.items() >= facts.items()
    assert fetched == LARGE
    sys.stdout.write(f"{LARGE // MB} MB: +{after_ticket >> 10} KB, then +{after_form >> 10} KB\n")
    assert max(after_ticket, after_form, memory.growth()) < ALLOWED


BOUNDARY: Final = "a-boundary"
FORM: Final = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(content: Sequence[bytes]) -> Sequence[bytes]:
    head = 'Content-Disposition: form-data; name="file"; filename="a.mp4"'
    return [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode(), *content, f"\r\n--{BOUNDARY}--".encode()]


def warm_up(site: Site, key: dict[str, str]) -> None:
    """One small file of each kind, so that what is loaded once is not counted."""
    picture = files.picture("PNG")
    ticket = announce(site, len(picture), **key)
    assert send(site, "PUT", ticket["uploadUrl"], [picture])[0] == 200
    server_knows(site, ticket["mediaId"], key)
    assert send(site, "POST", f"{site.url}/v1/media", form([picture]), **key, **FORM)[0] == 201


def server_knows(site: Site, media_id: str, key: dict[str, str]) -> Any:
    """The file, once it is processed."""

    def look() -> Any:
        return ask("GET", f"{site.url}/v1/media/{media_id}", **key)

    eventually(lambda: look()["status"] == "ready", "the file is ready", within=120)
    return look()


def read(site: Site, url: str) -> int:
    """Read a file from its address and forget it; its length."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.url).port, timeout=120)
    connection.request("GET", f"{address.path}?{address.query}")
    answer, size = connection.getresponse(), 0
    while part := answer.read(MB):
        size += len(part)
    connection.close()
    return size


def test_an_upload_cut_off_at_nine_tenths_leaves_nothing(server: Site, tmp_path: Path) -> None:
    key = {"authorization": f"Bearer {server.key}"}
    ticket = announce(server, 10 * MB, **key)
    address = urlsplit(ticket["uploadUrl"])
    work = tmp_path / "media" / "work"

    with socket.create_connection(("127.0.0.1", address.port)) as line:
        head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nhost: x\r\n"
        line.sendall(f"{head}content-length: {10 * MB}\r\n\r\n".encode() + PART * 9)
        eventually(lambda: work.exists() and any(work.iterdir()), "the bytes come in")
    eventually(lambda: not any(work.iterdir()), "what came in is gone")

    assert ask("GET", f"{server.url}/v1/media/{ticket['mediaId']}", **key)["status"] == "pending"
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["work"]
    status, _ = send(server, "PUT", ticket["uploadUrl"], [PART] * 10)
    assert status == 200
    assert "request_broke" not in server.processes[-1].says()
