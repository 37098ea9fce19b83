"""How the simulated Mastodon server shows things: a status as HTML, its length, itself."""

import hashlib
import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlsplit

import regex

MAX_CHARACTERS: Final = 500
LINK_LENGTH: Final = 23
MAX_MEDIA: Final = 4
MAX_DESCRIPTION: Final = 1500
IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
VIDEOS: Final = ("video/mp4", "video/webm", "video/quicktime")
MAX_BYTES: Final = dict.fromkeys(IMAGES, 16 << 20) | dict.fromkeys(VIDEOS, 99 << 20)

GRAPHEME: Final = regex.compile(r"\X")
ENTITY: Final = re.compile(
    r"""(?<![\w@$\#])(?P<link>(?P<scheme>https?://(?:www\.)?)
            [\w-]+(?:\.[\w-]+)+ (?::\d+)?
            (?:[/?\#](?:\([^\s()<>"]*\)|[^\s()<>"])*(?<![.,:;!?'*~…]))?)
      | (?<![=/\w])@(?P<user>[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)@(?P<host>\w+(?:[.-]+\w+)*)
      | (?<![\w/)])\#(?P<tag>\w*[^\W\d]\w*)""",
    re.VERBOSE | re.IGNORECASE,
)


def account_id(username: str) -> str:
    """A user's id: a number that stays the same after a restart."""
    return str(int.from_bytes(hashlib.sha256(username.encode()).digest()[:7]))


def length(warning: str, text: str) -> int:
    """How much of the room for characters a status takes."""
    return len(GRAPHEME.findall(warning + ENTITY.sub(_counted, text)))


def _counted(found: re.Match[str]) -> str:
    """What stands for a link or a mention when a text is counted."""
    if found["link"]:
        return "x" * LINK_LENGTH
    return f"@{found['user']}" if found["user"] else found[0]


def rendered(text: str, root: str) -> str:
    """A status's text as the HTML that is shown and federated."""
    if not text:
        return ""
    parts, end = [], 0
    for found in ENTITY.finditer(text):
        parts += [escape(text[end : found.start()]), _anchor(found, root)]
        end = found.end()
    html = "".join([*parts, escape(text[end:])])
    paragraphs = re.split(r"\n{2,}", re.sub(r"\r\n?", "\n", html))
    return "".join(f"<p>{lines.replace(chr(10), '<br />')}</p>" for lines in paragraphs)


def _anchor(found: re.Match[str], root: str) -> str:
    """A link, a mention or a hashtag. Of a link thirty characters are shown."""
    if user := found["user"]:
        link = f'<a href="https://{found["host"]}/@{user}" class="u-url mention">'
        return f'<span class="h-card" translate="no">{link}@<span>{user}</span></a></span>'
    if tag := found["tag"]:
        link = f'<a href="{tag_of(tag, root)["url"]}" class="mention hashtag" rel="tag">'
        return f"{link}#<span>{tag}</span></a>"
    address = found["link"].removeprefix(found["scheme"])
    shown, hidden = escape(address[:30]), escape(address[30:])
    return (
        f'<a href="{escape(found["link"])}" target="_blank" rel="nofollow noopener" '
        f'translate="no"><span class="invisible">{found["scheme"]}</span>'
        f'<span class="{"ellipsis" if hidden else ""}">{shown}</span>'
        f'<span class="invisible">{hidden}</span></a>'
    )


def tag_of(tag: str, root: str) -> dict[str, str]:
    return {"name": tag.lower(), "url": f"{root}/tags/{quote(tag.lower())}"}


CONFIGURATION: Final[Mapping[str, Any]] = {
    "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
    "statuses": {
        "max_characters": MAX_CHARACTERS,
        "max_media_attachments": MAX_MEDIA,
        "characters_reserved_per_url": LINK_LENGTH,
    },
    "media_attachments": {
        "supported_mime_types": [*IMAGES, *VIDEOS],
        "description_limit": MAX_DESCRIPTION,
        "image_size_limit": MAX_BYTES["image/jpeg"],
        "image_matrix_limit": 33_177_600,
        "video_size_limit": MAX_BYTES["video/mp4"],
        "video_frame_rate_limit": 120,
        "video_matrix_limit": 8_294_400,
    },
    "polls": {
        "max_options": 4,
        "max_characters_per_option": 50,
        "min_expiration": 300,
        "max_expiration": 2_629_746,
    },
    "translation": {"enabled": False},
}
ABOUT: Final[Mapping[str, Any]] = {
    "title": "Sandbox",
    "version": "4.7.0",
    "description": "A server for rehearsals",
    "languages": ["en"],
    "rules": [],
}


def instance(root: str) -> dict[str, Any]:
    return {
        **ABOUT,
        "domain": urlsplit(root).netloc,
        "source_url": root,
        "usage": {"users": {"active_month": 1}},
        "thumbnail": {"url": f"{root}/preview.png"},
        "icon": [],
        "configuration": {**CONFIGURATION, "urls": {}},
        "registrations": {"enabled": False, "approval_required": False},
        "api_versions": {"mastodon": 7},
        "contact": {"email": "sandbox@example.org", "account": None},
    }


def instance_v1(root: str) -> dict[str, Any]:
    return {
        **ABOUT,
        "uri": urlsplit(root).netloc,
        "short_description": ABOUT["description"],
        "email": "sandbox@example.org",
        "urls": {"streaming_api": root},
        "stats": {"user_count": 1, "status_count": 0, "domain_count": 1},
        **dict.fromkeys(("registrations", "approval_required", "invites_enabled"), False),
        "configuration": CONFIGURATION,
    }


SOURCE: Final[Mapping[str, Any]] = {
    "note": "",
    "fields": [],
    "privacy": "public",
    "sensitive": False,
    "language": None,
    "follow_requests_count": 0,
    "indexable": False,
}
ROLE: Final = {"id": "-99", "name": "", "color": "", "permissions": "0", "highlighted": False}


def person(username: str, root: str, posts: int) -> dict[str, Any]:
    return {
        "id": account_id(username),
        "username": username,
        "acct": username,
        "display_name": username.replace("_", " ").title(),
        "created_at": "2026-01-01T00:00:00.000Z",
        "note": "",
        "uri": f"{root}/users/{username}",
        "url": f"{root}/@{username}",
        **dict.fromkeys(("avatar", "avatar_static"), f"{root}/avatars/missing.png"),
        **dict.fromkeys(("header", "header_static"), f"{root}/headers/missing.png"),
        **dict.fromkeys(("bot", "group", "locked", "indexable"), False),
        **dict.fromkeys(("followers_count", "following_count"), 0),
        "statuses_count": posts,
        "emojis": [],
        "fields": [],
    }
