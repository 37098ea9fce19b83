"""Which sizes of picture are within a network's bounds, and how the bounds are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.connectors.frame import ANY, Frame


@pytest.mark.parametrize(
    ("frame", "within", "outside"),
    [
        (Frame(at_least=(250, 200)), [(250, 200), (900, 200)], [(249, 200), (250, 199)]),
        (Frame(at_most=(1_280, 1_080)), [(1_280, 1_080), (1, 1)], [(1_281, 1), (1, 1_081)]),
        (Frame(pixels=100), [(10, 10), (1, 100)], [(10, 11), (101, 1)]),
        (Frame(sides=100), [(1, 99), (50, 50)], [(1, 100), (51, 50)]),
        (Frame(ratio=(0.8, 1.91)), [(4, 5), (191, 100)], [(79, 100), (192, 100)]),
        (
            Frame(at_most=(1_280, 1_024), turnable=True),
            [(1_280, 1_024), (1_024, 1_280), (1_024, 1_024)],
            [(1_280, 1_025), (1_281, 9), (1_025, 1_280), (1_025, 1_025)],
        ),
    ],
)
def test_a_bound_takes_what_is_on_it(
    frame: Frame, within: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    assert all(frame.takes(*size) for size in within)
    assert not any(frame.takes(*size) for size in outside)


def test_without_bounds_anything_goes() -> None:
    assert ANY.takes(1, 100_000)


def test_bounds_are_told_in_words() -> None:
    frame = Frame(at_least=(1, 2), at_most=(3, 4), pixels=5, sides=6, ratio=(0.8, 1.91))

    assert str(frame) == (
        "at least 1x2 pixels and at most 3x4 pixels and at most 5 pixels in all "
        "and at most 6 pixels of width and height together "
        "and a width of 0.8 to 1.91 times the height"
    )
    assert str(Frame(at_most=(3, 4), turnable=True)) == "at most 3x4 pixels, either way round"


@pytest.mark.parametrize(
    ("frame", "size", "fitting"),
    [
        (ANY, (4_000, 3_000), (4_000, 3_000)),
        (Frame(at_least=(320, 320)), (320, 319), None),
        (Frame(at_most=(1_280, 1_080)), (4_000, 3_000), (1_280, 960)),
        (Frame(at_most=(1_280, 1_024), turnable=True), (3_000, 4_000), (960, 1_280)),
        (Frame(at_most=(1_280, 1_024), turnable=True), (4_000, 4_000), (1_024, 1_024)),
        (Frame(pixels=2_073_600), (4_000, 3_000), (1_661, 1_246)),
        (Frame(sides=10_000), (9_000, 3_000), (7_500, 2_500)),
        (Frame(ratio=(0.8, 1.91)), (1_000, 2_000), None),
        (Frame(ratio=(0.8, 1.91), pixels=1_000_000), (1_603, 2_003), (894, 1_117)),
        (Frame(at_least=(500, 500), at_most=(1_000, 1_000)), (5_000, 500), None),
    ],
)
def test_a_picture_is_scaled_down_as_little_as_it_takes(
    frame: Frame, size: tuple[int, int], fitting: tuple[int, int] | None
) -> None:
    assert frame.fit(*size) == fitting


@pytest.mark.parametrize("size", [(641, 359), (1_281, 1_023), (3, 5), (1_919, 1_079)])
def test_a_video_is_scaled_to_even_sides(size: tuple[int, int]) -> None:
    frame = Frame(at_most=(1_280, 1_024), turnable=True, ratio=(1 / 3, 3))

    width, height = frame.fit(*size, step=2) or (1, 1)

    assert (width % 2, height % 2) == (0, 0)
    assert frame.takes(width, height)


@given(
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    frame=st.builds(
        Frame,
        at_most=st.none() | st.tuples(st.integers(1, 5_000), st.integers(1, 5_000)),
        pixels=st.none() | st.integers(1, 10_000_000),
        sides=st.none() | st.integers(2, 10_000),
        turnable=st.booleans(),
    ),
)
def test_what_fits_is_taken_and_no_larger(width: int, height: int, frame: Frame) -> None:
    size = frame.fit(width, height)

    assert size is None or (frame.takes(*size) and size[0] <= width and size[1] <= height)
    assert not frame.takes(width, height) or size == (width, height)
