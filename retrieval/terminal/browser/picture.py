"""A widget that shows one picture, or why there is none."""

from __future__ import annotations

from io import BytesIO

from PIL import Image
from textual.containers import Container
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from retrieval.terminal.graphics import Graphics
from retrieval.terminal.pictures import fit, load_textual_image


class Picture(Container):
    """Shows a picture in the middle of its room."""

    DEFAULT_CSS = """
    Picture { align: center middle; width: 1fr; height: 1fr; }
    Picture > Static { width: auto; max-width: 100%; height: auto; max-height: 100%; color: $text-muted; }
    """

    def __init__(self, graphics: Graphics) -> None:
        super().__init__()
        self._graphics = graphics

    async def show(self, picture: bytes | str, room: Size) -> None:
        """Show a picture, or a sentence.

        Args:
            picture: An image file that Recall has made, or the sentence.
            room: Columns and rows that it may take.
        """
        await self.remove_children()
        if not self.is_attached or room.width < 1 or room.height < 1:
            return
        if isinstance(picture, str):
            await self.mount(Static(picture, markup=False))
            return
        image = Image.open(BytesIO(picture)).convert("RGB")
        widget = _widget(image, self._graphics)
        columns, rows = fit(image.size, self._graphics.cell, columns=room.width, rows=room.height)
        widget.styles.width, widget.styles.height = columns, rows
        await self.mount(widget)


def _widget(image: Image.Image, graphics: Graphics) -> Widget:
    """Return textual-image's widget for a picture."""
    load_textual_image(graphics)
    from textual_image import widget as widgets  # late: importing it asks the terminal, unless the line before ran

    kinds = {"kitty": widgets.TGPImage, "sixel": widgets.SixelImage, "blocks": widgets.HalfcellImage}
    made: Widget = kinds[graphics.kind](image)
    return made
