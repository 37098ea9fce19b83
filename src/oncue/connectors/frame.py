"""Which sizes of picture a network takes, in pixels."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Bounds of width and height. What is None does not matter to the network."""

    at_least: tuple[int, int] | None = None  # width, height
    at_most: tuple[int, int] | None = None  # likewise
    pixels: int | None = None  # width times height
    ratio: tuple[float, float] | None = None  # of the width to the height: least, most

    def takes(self, width: int, height: int) -> bool:
        """Whether a picture of this size is within every bound."""
        too_small = self.at_least and (width < self.at_least[0] or height < self.at_least[1])
        too_large = self.at_most and (width > self.at_most[0] or height > self.at_most[1])
        too_many = self.pixels is not None and width * height > self.pixels
        misshapen = self.ratio and not self.ratio[0] <= width / height <= self.ratio[1]
        return not (too_small or too_large or too_many or misshapen)

    def __str__(self) -> str:
        bounds = []
        if self.at_least:
            bounds.append(f"at least {self.at_least[0]}x{self.at_least[1]} pixels")
        if self.at_most:
            bounds.append(f"at most {self.at_most[0]}x{self.at_most[1]} pixels")
        if self.pixels is not None:
            bounds.append(f"at most {self.pixels} pixels in all")
        if self.ratio:
            bounds.append(f"a width of {self.ratio[0]} to {self.ratio[1]} times the height")
        return " and ".join(bounds)


ANY: Final = Frame()
