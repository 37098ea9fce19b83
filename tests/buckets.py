"""An S3 on this machine: moto's server, with as many buckets as tests ask for."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

from oncue.lib.buckets import Bucket

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret of a test"}


@dataclass
class Buckets:
    """A running server. Its address is for our own requests; `new` is for Oncue's settings."""

    url: str
    _names: Iterator[int] = field(default_factory=count)

    def new(self, prefix: str = "media") -> Bucket:
        name = f"bucket-{next(self._names)}"
        self.ask("PUT", f"/{name}")
        return Bucket(name=name, prefix=prefix, endpoint=self.url)

    def address(self, bucket: Bucket) -> str:
        """The setting that names a bucket."""
        return f"s3://{bucket.name}/{bucket.prefix}?endpoint={self.url}"

    def keys(self, bucket: Bucket) -> list[str]:
        """What lies in a bucket, without the prefix."""
        listing = self.ask("GET", f"/{bucket.name}?list-type=2").decode()
        found = [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]
        return sorted(key.removeprefix(f"{bucket.prefix}/") for key in found)

    def headers(self, path: str) -> Mapping[str, str]:
        """With which headers an object is served, their names in lower case."""
        with self._open("HEAD", path) as answer:
            return {name.lower(): value for name, value in answer.headers.items()}

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with self._open(method, path, body) as answer:
            content: bytes = answer.read()
        return content

    def _open(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Send a request that claims to be signed; moto looks no closer."""
        claim = {"authorization": "AWS tester:claims to be signed"}
        return urlopen(Request(self.url + path, body, claim, method=method))


def put(address: str, content: bytes, content_type: str) -> None:
    """Send a file to a signed address, as whoever was given it does."""
    kind = {"content-type": content_type}
    with urlopen(Request(address, content, kind, method="PUT")) as answer:
        assert answer.status == 200


def get(address: str) -> tuple[bytes, str]:
    """What is at a signed address: the bytes, and their type."""
    with urlopen(address) as answer:
        return answer.read(), answer.headers["content-type"]


@contextmanager
def served() -> Iterator[Buckets]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Buckets(f"http://{host}:{port}")
    finally:
        server.stop()
