"""Documents that share a form: only a name, a number or a sum tells them apart."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

TextFont = ImageFont.FreeTypeFont | ImageFont.ImageFont


def invoice(number: str, total: str = "837.00") -> Image.Image:
    """Return a page of A4 at 150 dpi, mostly white, with a letterhead, two lines and a total."""
    page = Image.new("RGB", (1240, 1754), "white")
    _write(page, (100, 100), "ACME Photo Ltd", 60)
    _write(page, (100, 200), "12 Harbour Street, Lisbon", 34)
    _write(page, (100, 330), f"Invoice {number}", 46)
    _rule(page, 430)
    _write(page, (100, 460), "Passport photos", 34)
    _write(page, (950, 460), "51.00", 34)
    _write(page, (100, 520), "Wedding, half day", 34)
    _write(page, (950, 520), "786.00", 34)
    _rule(page, 1300)
    _write(page, (100, 1330), "Total", 40)
    _write(page, (950, 1330), total, 40)
    return page


def certificate(name: str) -> Image.Image:
    """Return a certificate in a golden frame, on cream paper."""
    page = Image.new("RGB", (1600, 1130), "#fdfbf1")
    ImageDraw.Draw(page).rectangle((40, 40, 1560, 1090), outline="#966e28", width=12)
    _write(page, (480, 130), "Certificate of Attendance", 64)
    _write(page, (600, 420), name, 90)
    _write(page, (560, 620), "Course 964: Colour printing", 46)
    return page


def receipt(total: str) -> Image.Image:
    """Return a long receipt on grey paper."""
    page = Image.new("RGB", (600, 1500), "#f6f6f4")
    _write(page, (150, 40), "CORNER SHOP", 44)
    for line in range(12):
        _write(page, (40, 160 + 52 * line), f"Film roll {line + 1}", 30)
        _write(page, (460, 160 + 52 * line), f"{7 * line + 3}.{20 + 5 * line}", 30)
    _write(page, (40, 1200), f"TOTAL {total}", 40)
    return page


def contract(name: str) -> Image.Image:
    """Return a page full of small print that is the same for all, with one name."""
    page = Image.new("RGB", (1240, 1754), "white")
    _write(page, (100, 80), "Model release", 50)
    _write(page, (100, 200), f"Between {name} and ACME Photo", 28)
    for line in range(36):
        clause = f"{line + 1}. The model lets the photographer use the pictures in print and online, without limit,"
        _write(page, (100, 300 + 34 * line), clause, 24)
    return page


def dark_screenshot(code: str) -> Image.Image:
    """Return a screenshot with light text on a dark ground."""
    page = Image.new("RGB", (1280, 800), "#202428")
    _write(page, (80, 60), "Your booking", 60, "#e8e8e8")
    _write(page, (80, 300), "Lisbon to Porto, 12 May, one adult", 40, "#c0c0c0")
    _write(page, (80, 420), f"Code {code}", 40, "#c0c0c0")
    return page


PAIRS: dict[str, tuple[Callable[[], Image.Image], Callable[[], Image.Image]]] = {
    "invoices with another number": (lambda: invoice("2024-198"), lambda: invoice("2024-069")),
    "invoices with one other digit": (lambda: invoice("2024-198"), lambda: invoice("2024-193")),
    "invoices with another total": (lambda: invoice("2024-198"), lambda: invoice("2024-198", "837.50")),
    "certificates": (lambda: certificate("Anna Berg"), lambda: certificate("Mei Tanaka")),
    "receipts": (lambda: receipt("58.20"), lambda: receipt("53.20")),
    "contracts": (lambda: contract("Lena Vogt"), lambda: contract("Ivan Petrov")),
    "dark screenshots": (lambda: dark_screenshot("QX7PLM"), lambda: dark_screenshot("QX7RLM")),
}
"""Two different documents of each kind."""


def _font(size: int) -> TextFont:
    return ImageFont.load_default(size)


def _write(page: Image.Image, position: tuple[int, int], text: str, size: int, color: str = "black") -> None:
    ImageDraw.Draw(page).text(position, text, fill=color, font=_font(size))


def _rule(page: Image.Image, y: int) -> None:
    ImageDraw.Draw(page).line((100, y, 1140, y), fill="black", width=4)
