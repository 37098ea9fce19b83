"""Following a recipe. This runs in a confined process."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from oncue.errors import NotAccepted
from oncue.media import kinds
from oncue.media.probing import kind_of


def work(
    *, source: str, target: str, kind: str, recipe: Mapping[str, Any], budget: Mapping[str, int]
) -> Mapping[str, Any]:
    """The fields of oncue.media.render.Rendered. Raises NotAccepted; writes to `target`."""
    path, page = Path(source), Path(target)
    with path.open("rb") as file:
        content_type = kind_of(file)
        if (kind == "VideoRecipe") != (content_type in kinds.VIDEOS):
            raise NotAccepted(
                code="MEDIA_NOT_MENDABLE", reason=f"a {content_type} file is not made by a {kind}"
            )
        facts = _MAKERS[kind](path, file, content_type, recipe, page, budget)
    return {**facts, "size_bytes": page.stat().st_size, "sha256": _sha256(page)}


def too_large(limit: int, actual: int) -> NotAccepted:
    return NotAccepted(
        code="MEDIA_NOT_MENDABLE",
        reason=f"the file cannot be made small enough: {limit} bytes are taken, "
        f"and it still has {actual}",
        facts={"limit": limit, "actual": actual},
    )


def _image(
    _path: Path,
    file: BinaryIO,
    content_type: str,
    recipe: Mapping[str, Any],
    page: Path,
    budget: Mapping[str, int],
) -> dict[str, Any]:
    from oncue.media import rendering_images

    made = rendering_images.render(file, content_type, recipe, budget)
    if len(made.content) > recipe["max_bytes"]:
        raise too_large(recipe["max_bytes"], len(made.content))
    page.write_bytes(made.content)
    width, height = made.size
    return _facts(content_type=made.content_type, width=width, height=height)


def _animation(
    _path: Path,
    file: BinaryIO,
    content_type: str,
    recipe: Mapping[str, Any],
    page: Path,
    budget: Mapping[str, int],
) -> dict[str, Any]:
    from oncue.media import pictures, rendering_gifs

    header = pictures.within_budget(
        file, content_type, pixels=budget["pixels"], frames=budget["frames"]
    )
    file.seek(0)
    content = rendering_gifs.rewritten(file)
    if len(content) > recipe["max_bytes"]:
        raise too_large(recipe["max_bytes"], len(content))
    page.write_bytes(content)
    return _facts(
        content_type=content_type,
        width=header.width,
        height=header.height,
        seconds=header.seconds,
    )


def _video(
    path: Path,
    file: BinaryIO,
    content_type: str,
    recipe: Mapping[str, Any],
    page: Path,
    _budget: Mapping[str, int],
) -> dict[str, Any]:
    from oncue.media import rendering_videos, wholeness

    wholeness.check_whole(file, kinds.VIDEOS[content_type])
    facts = rendering_videos.render(path, content_type, recipe, page)
    if (actual := page.stat().st_size) > recipe["max_bytes"]:
        raise too_large(recipe["max_bytes"], actual)
    return _facts(**facts)


def _facts(**known: Any) -> dict[str, Any]:
    return {"seconds": None} | known


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_MAKERS = {"ImageRecipe": _image, "AnimationRecipe": _animation, "VideoRecipe": _video}
