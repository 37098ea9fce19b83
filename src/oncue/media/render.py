"""Making of a file what a network takes, as a recipe says."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from oncue.media import confined
from oncue.media.confined import MIB
from oncue.media.probe import Budget
from oncue.media.recipes import Recipe, VideoRecipe

BUDGET: Final = Budget()
IMAGE: Final = confined.Limits(
    memory_bytes=1024 * MIB, cpu_seconds=60, wall_seconds=180, written_bytes=64 * MIB, nice=5
)
COPYING_SECONDS: Final = 120  # to begin with, for any video
ENCODING_SHARE: Final = 20  # seconds of CPU for a second of video, all tries together
MOST_SECONDS: Final = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The facts of what came out."""

    content_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    seconds: float | None


async def render(source: Path, recipe: Recipe, target: Path) -> Rendered:
    """Follow `recipe` with the file at `source`; `target` is there whole, or not at all.

    Raises NotAccepted: MEDIA_NOT_MENDABLE where the smallest try is still over the limit,
    MEDIA_UNREADABLE, PROBE_LIMIT, or what `probe` says to a file that is none of ours.
    """
    unfinished = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        order = order_for(source, recipe, unfinished)
        facts = await confined.run("render", order, limits_for(recipe))
        _keep(unfinished, target)
    finally:
        _discard(unfinished)
    return Rendered(**facts)


def limits_for(recipe: Recipe) -> confined.Limits:
    """More for a video, and more the longer it lasts where it is encoded anew."""
    if not isinstance(recipe, VideoRecipe):
        return IMAGE
    seconds = COPYING_SECONDS
    if recipe.picture is not None:
        lasts = MOST_SECONDS if recipe.seconds is None else recipe.seconds * ENCODING_SHARE
        seconds = int(min(COPYING_SECONDS + lasts, MOST_SECONDS))
    return confined.Limits(
        memory_bytes=1024 * MIB,
        cpu_seconds=seconds,
        wall_seconds=3 * seconds,
        written_bytes=max(64 * MIB, 2 * recipe.max_bytes),
        nice=10,
    )


def order_for(source: Path, recipe: Recipe, target: Path) -> dict[str, Any]:
    """What the process is told. Raises FileNotFoundError: that one is not the file's fault."""
    return {
        "source": str(source.resolve(strict=True)),
        "target": str(target.absolute()),
        "kind": type(recipe).__name__,
        "recipe": asdict(recipe),
        "budget": asdict(BUDGET),
    }


def _keep(unfinished: Path, target: Path) -> None:
    unfinished.replace(target)


def _discard(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
