"""Where an S3-compatible bucket is, as an operator writes it:

    s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1

Credentials are no part of it: they come from the usual AWS_* variables.
"""  # noqa: D400

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

FORM: Final = "s3://bucket/prefix?endpoint=https://...&region=..."
DEFAULT_REGION: Final = "us-east-1"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class BadBucket(ValueError):
    """A text that names no bucket; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A place in a bucket. Without an endpoint it is Amazon's own, in that region.

    `public_endpoint` is how others reach it, where that is not how we do.
    """

    name: str
    prefix: str = ""
    region: str = DEFAULT_REGION
    endpoint: str = ""
    public_endpoint: str = ""

    @classmethod
    def parse(cls, text: str) -> "Bucket":
        """Raises BadBucket."""
        parts = urlsplit(text)
        if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
            raise BadBucket(f"reads {FORM}")
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = given.keys() - {"endpoint", "public_endpoint", "region"}
        if unknown:
            known = "endpoint, public_endpoint and region"
            raise BadBucket(f"knows {known}, not {', '.join(sorted(unknown))}")
        for name in ("endpoint", "public_endpoint"):
            if given.get(name) and urlsplit(given[name]).scheme not in ("http", "https"):
                raise BadBucket(f"takes an {name} that begins with https:// or http://")
        return cls(
            name=parts.netloc,
            prefix=parts.path.strip("/"),
            region=given.get("region") or DEFAULT_REGION,
            endpoint=given.get("endpoint", "").rstrip("/"),
            public_endpoint=given.get("public_endpoint", "").rstrip("/"),
        )
