"""Which sizes of picture a network takes, in pixels."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Bounds of width and height. What is None does not matter to the network."""

    at_least: tuple[int, int] | None = None  # width, height
    at_most: tuple[int, int] | None = None  # likewise
    pixels: int | None = None  # width times height
    sides: int | None = None  # width and height together
    ratio: tuple[float, float] | None = None  # of the width to the height: least, most
    turnable: bool = False  # whether a higher picture may have the bounds of `at_most` swapped

    def takes(self, width: int, height: int) -> bool:
        """Whether a picture of this size is within every bound."""
        most = self._at_most(width, height)
        too_small = self.at_least and (width < self.at_least[0] or height < self.at_least[1])
        too_large = most and (width > most[0] or height > most[1])
        too_many = self.pixels is not None and width * height > self.pixels
        too_long = self.sides is not None and width + height > self.sides
        misshapen = self.ratio and not self.ratio[0] <= width / height <= self.ratio[1]
        return not (too_small or too_large or too_many or too_long or misshapen)

    def fit(self, width: int, height: int, *, step: int = 1) -> tuple[int, int] | None:
        """The largest size of this shape, and not larger, that is taken; in multiples of `step`.

        None where there is none: the picture is too small, or of the wrong shape.
        """
        scale = self._scale(width, height)
        for size in _sizes(width * scale, height * scale, step):
            if self.takes(*size):
                return size
        return None

    def _scale(self, width: int, height: int) -> float:
        scales = [1.0]
        if most := self._at_most(width, height):
            scales += [most[0] / width, most[1] / height]
        if self.pixels is not None:
            scales.append(math.sqrt(self.pixels / (width * height)))
        if self.sides is not None:
            scales.append(self.sides / (width + height))
        return min(scales)

    def _at_most(self, width: int, height: int) -> tuple[int, int] | None:
        if self.at_most is None or not self.turnable:
            return self.at_most
        long, short = max(self.at_most), min(self.at_most)
        return (long, short) if width > height else (short, long)

    def __str__(self) -> str:
        bounds = []
        turned = ", either way round" if self.turnable else ""
        if self.at_least:
            bounds.append(f"at least {self.at_least[0]}x{self.at_least[1]} pixels")
        if self.at_most:
            bounds.append(f"at most {self.at_most[0]}x{self.at_most[1]} pixels{turned}")
        if self.pixels is not None:
            bounds.append(f"at most {self.pixels} pixels in all")
        if self.sides is not None:
            bounds.append(f"at most {self.sides} pixels of width and height together")
        if self.ratio:
            bounds.append(f"a width of {self.ratio[0]:.3g} to {self.ratio[1]:.3g} times the height")
        return " and ".join(bounds)


def _sizes(width: float, height: float, step: int) -> Iterator[tuple[int, int]]:
    """Whole numbers near a size, the truest to its shape first: rounding may cross a bound."""
    wide, high = (math.floor(side / step + 1e-9) * step for side in (width, height))
    sizes = [
        (wide - across * step, high - down * step)
        for across in range(2)
        for down in range(2)
        if wide > across * step and high > down * step
    ]
    yield from sorted(sizes, key=lambda size: abs(size[0] / size[1] - width / height))


ANY: Final = Frame()
