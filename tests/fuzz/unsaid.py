"""What the document cannot say: rules that a request breaks although it fits every schema.

Each row is a refusal that random data meets rightly. A refusal counts as one of them only where
every field it names is in a row; any other is the document's fault, or the program's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Row:
    """Where: operations and fields as whole regular expressions. `code` where it has one."""

    operations: str
    fields: str
    why: str
    code: str = ".*"


POSTS: Final = r"(POST|PATCH) /v1/posts(/\{post_id\})?"
SENDS: Final = (
    r"POST /v1/posts/\{post_id\}/(publish|start-approval|approve|platforms/\{platform_id\}/fix)"
)
SHOWN: Final = r"(threadPosts\[\d+\]\.)?(content|media)"
RULES: Final = r"(POST|PATCH) /v1/posts/\{post_id\}/recurrence"

CONNECTING: Final = r"POST /v1/accounts/connect(/\{platform\})?"

UNSAID: Final = (
    # What there is, only the installation knows.
    Row("GET .*", "cursor", "a cursor means something to the list alone that gave it"),
    Row(".*", r"\w+(\[\d+\])?", "whether there is such an account", "ACCOUNT_NOT_FOUND"),
    Row(".*", "account_id", "whether there is an account of that number"),
    Row(".*", "media|mediaIds|threadPosts", "whether there is such a file", "MEDIA_NOT_FOUND"),
    Row(POSTS, "personaId", "whether there is such a persona", "PERSONA_NOT_FOUND"),
    Row("POST /v1/accounts", r"credentials(\..*)?", "what a network needs, and takes"),
    Row("POST /v1/accounts", "serverUrl", "whether a network has servers of one's own"),
    Row(".*", "url|mediaUrl|X-Callback-Url", "where a name leads", "URL_NOT_ALLOWED"),
    Row(".*", "mediaUrl", "what is to be had there", "MEDIA_URL_UNREACHABLE"),
    Row("POST /v1/media/register", "url", "what is to be had there", "MEDIA_URL_UNREACHABLE"),
    Row("POST /v1/media.*", "", "which files are taken", "MEDIA_[A-Z_]+|IMAGE_TOO_LARGE"),
    Row(CONNECTING, "platform|serverUrl|handle", "how a network is connected"),
    Row(CONNECTING, "redirectUri|callbackUrl", "where people may come back to"),
    Row("POST /v1/accounts/callback/.*", "state|code|iss", "who was sent to the network's page"),
    Row(r".*/select-page", "", "which pages there are", "PAGE_SELECTION.*|ACCOUNT_PAGE_MISMATCH"),
    Row(r"PUT /v1/apps/.*", ".*", "which networks know apps of ours"),
    # What time it is.
    Row(f"{POSTS}|{SENDS}", "scheduledFor", "whether a time is over"),
    Row(rf"{RULES}/skip", "at", "which times a rule has"),
    # What networks make of a text; what they take as options.
    Row(f"{POSTS}|{SENDS}", f"{SHOWN}|platformOverrides.*", "a network's own rules"),
    Row(f"{POSTS}|POST /v1/posts/validate", "platformMetadata.*", "a network's own options"),
    Row(POSTS, r"(metadata|platformMetadata)\..*", "whether there is a NUL, however deep"),
    Row(POSTS, "contentType", "whether an account's network has threads"),
    # Languages with a grammar of their own, and files.
    Row(".*", "timezone", "which zones there are"),
    Row(RULES, "recurrenceRule|startAt|exdates", "what RFC 5545 makes of a rule"),
    Row("POST /v1/media", "file", "whether bytes are an image"),
    Row("POST /v1/posts/import", "file", "whether there is anything in a file"),
    # What one field says of another.
    Row(POSTS, "threadPosts", "sequences are 1, 2, 3, and belong to a thread"),
    Row(POSTS, "queue", "a post has a time or asks for one"),
    Row("GET /v1/posts/bulk-generate-check", "endDate", "a range ends after it begins"),
    Row(r"POST /v1/webhooks/\{webhook_id\}/replay", "to", "a range ends after it begins"),
    Row("POST /v1/posts/validate", r"media\[\d+\]", "a file's type and its MIME type agree"),
    Row(".*/retry-failed", "", "one filter of several is needed", "NO_FILTER|no_filter"),
)

# A whole request's answer where items fail by themselves: the document has a schema for it.
NONE_MADE: Final = frozenset({("POST /v1/posts/bulk", 422), ("POST /api/v1/posts/bulk", 422)})

# Deletions that leave a thing: an account is disconnected, and still shown, as its posts are.
OUTLIVED: Final = frozenset({"DELETE /v1/accounts/{account_id}"})


def is_unsaid(operation: str, status: int, answer: Any) -> bool:
    """Whether the refusal of a request that fits every schema is one that no schema foresees."""
    if (operation, status) in NONE_MADE:
        return True
    return all(
        any(_fits(row, operation, field, code) for row in UNSAID) for field, code in _issues(answer)
    )


def _issues(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields that a refusal of either dialect names, each with its code if it has one."""
    error = answer["error"]
    match error.get("details"):
        case {"errors": list(several)}:
            for one in several:
                yield one["field"], one.get("code", "")
        case {"field": str(field)} as one:
            yield field, one.get("code", "")
        case _:
            yield "", error["code"]


def _fits(row: Row, operation: str, field: str, code: str) -> bool:
    parts = ((row.operations, operation), (row.fields, field), (row.code, code))
    return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in parts)
