"""What the values of a sample are, read from its shape."""

Range = tuple[float, float] | None
IMAGE = 3
"""Dimensions of one image, (c, h, w)."""


class CodeShape(tuple[int, ...]):
    """The shape (c, h, w) of codes of a pretrained auto-encoder: standardised numbers without bounds, no pixels."""


def range_of(shape: tuple[int, ...]) -> Range:
    """The range of the values: (0, 1) of images, None (unbounded) of points and of codes.

    Args:
        shape: of one sample as the model sees it.
    """
    return (0.0, 1.0) if len(shape) == IMAGE and not isinstance(shape, CodeShape) else None
