"""What the simulated Mastodon server takes: files and statuses, or a no in its own words."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from multidict import MultiDictProxy

from oncue.sandbox.mastodon_views import MAX_BYTES, MAX_DESCRIPTION

VISIBILITIES: Final = ("public", "unlisted", "private", "direct")
UPLOAD_FIELDS: Final = frozenset({"file", "description", "focus", "thumbnail"})
STATUS_FIELDS: Final[Mapping[str, type]] = {
    "status": str,
    "media_ids": list,
    "sensitive": bool,
    "spoiler_text": str,
    "visibility": str,
    "language": str,
}
NO_FILE: Final = "Validation failed: File can't be blank"
NOT_A_FILE: Final = "Validation failed: File content type is invalid, File is invalid"


class No(Exception):
    """The server refuses, with a status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def file_of(request: web.Request) -> tuple[bytes, str, str]:
    """The content, type and description of an upload; raises No."""
    if request.content_type != "multipart/form-data":
        raise No(422, NO_FILE)
    form = await request.post()
    if unknown := form.keys() - UPLOAD_FIELDS:
        raise No(422, f"unknown parameters: {', '.join(sorted(unknown))}")
    file, description = form.get("file"), form.get("description", "")
    if not isinstance(file, web.FileField):
        raise No(422, NO_FILE)
    with file.file:
        content = file.file.read()
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION:
        raise No(422, f"Validation failed: Description is too long (maximum is {MAX_DESCRIPTION})")
    if file.content_type not in MAX_BYTES:
        raise No(422, NOT_A_FILE)
    if len(content) > (most := MAX_BYTES[file.content_type]):
        raise No(422, f"Validation failed: File size must be less than {most >> 20} MB")
    return content, file.content_type, description


async def status_of(request: web.Request) -> dict[str, Any]:
    """What a status is to be, from JSON or a form; raises No for anything odd."""
    if request.content_type == "application/json":
        try:
            asked = await request.json()
        except ValueError:
            raise No(400, "There was a problem in the JSON you submitted") from None
    else:
        asked = _unform(await request.post())
    if not isinstance(asked, dict):
        raise No(400, "There was a problem in the JSON you submitted")
    if unknown := asked.keys() - STATUS_FIELDS.keys():
        raise No(422, f"unknown parameters: {', '.join(sorted(unknown))}")
    for name, value in asked.items():
        if not isinstance(value, STATUS_FIELDS[name]):
            raise No(422, f"Validation failed: {name} is not a {STATUS_FIELDS[name].__name__}")
    if not all(isinstance(media_id, str) for media_id in asked.get("media_ids", [])):
        raise No(422, "Validation failed: media_ids are not strings")
    if asked.get("visibility", "public") not in VISIBILITIES:
        raise No(422, "Validation failed: Visibility is not included in the list")
    return asked


def _unform(form: MultiDictProxy[Any]) -> dict[str, Any]:
    """Form fields as the JSON they stand for."""
    asked = {name: value for name, value in form.items() if name != "media_ids[]"}
    if "media_ids[]" in form:
        asked["media_ids"] = form.getall("media_ids[]")
    if asked.get("sensitive") in ("true", "false"):
        asked["sensitive"] = asked["sensitive"] == "true"
    return asked
