"""The files of a post, on their way to a network."""

from pathlib import Path

from oncue.connectors.base import Refused
from oncue.connectors.journal import NotSent
from oncue.connectors.spec import Media
from oncue.errors import Unavailable
from oncue.media.storage import Missing, Storage


async def file_of(storage: Storage, media: Media) -> Path:
    """A file of this machine with the bytes; raises Refused, or NotSent to try again later."""
    try:
        return await storage.path_of(media.key)
    except Missing:
        raise Refused("A file of the post is gone", code="MEDIA_NOT_FOUND") from None
    except Unavailable as trouble:
        raise NotSent("A file could not be had from the storage of media") from trouble
