"""Letters on pictures."""

from __future__ import annotations

from PIL import ImageFont

INK, PAPER = (230, 230, 230), (24, 24, 24)
SMALLEST, LARGEST = 12, 32  # pixels
IN_A_SIDE = 24  # letters as high as this part of a picture, so that they stay readable beside it

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def letters_for(side: int) -> int:
    """Height in pixels of the letters beside pictures of a longer side."""
    return min(max(SMALLEST, side // IN_A_SIDE), LARGEST)


def font_of(height: int) -> Font:
    """The font of letters of a height in pixels."""
    return ImageFont.load_default(size=height)


def shortened(text: str, font: Font, width: float) -> str:
    """Leave out letters of a text's middle until it is narrow enough."""
    shown, kept = text, len(text)
    while kept > 2 and font.getlength(shown) > width:
        kept -= 1
        shown = text[: -(-kept // 2)] + "…" + text[len(text) - kept // 2 :]
    return shown
