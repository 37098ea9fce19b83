"""The files of a post, on their way to a network."""

from pathlib import Path
from uuid import UUID

from oncue.connectors.answers import Refused
from oncue.connectors.journal import NotSent
from oncue.connectors.spec import Media
from oncue.errors import Unavailable
from oncue.media.links import Links
from oncue.media.storage import Missing, Storage


def address_of(links: Links, name: str) -> str:
    """A public address of a file, from what Media.address says of it."""
    media_id, _, key = name.partition("/")
    return links.sent(UUID(media_id), key)


async def file_of(storage: Storage, media: Media) -> Path:
    """A file of this machine with the bytes; raises Refused, or NotSent to try again later."""
    try:
        return await storage.path_of(media.key)
    except Missing:
        raise Refused("A file of the post is gone", code="MEDIA_NOT_FOUND") from None
    except Unavailable as trouble:
        raise NotSent("A file could not be had from the storage of media") from trouble
