"""Metadata blocks as programs write them, and files of every format with them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tests.support.pictures import encoded, quadrants

_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
}


def xmp_block(*, tags: Sequence[str] = (), title: str = "", description: str = "", **attributes: str) -> bytes:
    """Return XMP as Lightroom writes it: simple properties as attributes, the others as lists.

    Args:
        tags: dc:subject.
        title: dc:title, after a German one that is not the default.
        description: dc:description.
        **attributes: Other properties, with two underscores for the colon, for instance xmp__Rating="3".
    """
    names = " ".join(f'xmlns:{short}="{long}"' for short, long in _NAMESPACES.items())
    simple = " ".join(f"{name.replace('__', ':')}={quoteattr(value)}" for name, value in attributes.items())
    listed = "".join(f"<rdf:li>{escape(tag)}</rdf:li>" for tag in tags)
    inner = f"<dc:subject><rdf:Bag>{listed}</rdf:Bag></dc:subject>" if tags else ""
    for name, value in (("title", title), ("description", description)):
        if value:
            languages = f'<rdf:li xml:lang="de">Deutsch</rdf:li><rdf:li xml:lang="x-default">{escape(value)}</rdf:li>'
            inner += f"<dc:{name}><rdf:Alt>{languages}</rdf:Alt></dc:{name}>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names} {simple}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
        f"{' ' * 100}<?xpacket end='w'?>"
    ).encode()


def iptc_block(records: Sequence[tuple[int, bytes]], *, utf_8: bool = False) -> bytes:
    """Return IPTC data sets of record 2 (IPTC-IIM 4.2), after the declaration of UTF-8 if `utf_8` is set."""
    sets = [(1, 90, b"\x1b%G")] if utf_8 else []
    sets += [(2, number, value) for number, value in records]
    return b"".join(struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in sets)


def with_iptc(jpeg: bytes, block: bytes) -> bytes:
    """Return a JPEG with IPTC as Photoshop stores it: resource 0x0404 in an APP13 segment."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)
    body = b"Photoshop 3.0\0" + resource
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def full_exif() -> Image.Exif:
    """Return EXIF with date, time zone, lens, rating, description and tags."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "from exif"
    exif[0x4746] = 2  # Rating
    exif[0x9C9E] = "Exif tag;Shared".encode("utf-16-le") + b"\0\0"  # XPKeywords
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2024:07:21 18:03:59"
    details[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    details[ExifTags.Base.LensModel] = "RF24-70mm F2.8 L IS USM"
    return exif


def full_file(kind: str, *, exif: Image.Exif | None = None, xmp: bytes = b"", iptc: bytes = b"") -> bytes:
    """Return a picture in Pillow's format `kind` with these blocks; IPTC only for a JPEG or TIFF."""
    block = (exif or Image.Exif()).tobytes()
    if kind == "PNG":
        chunks = PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return encoded(quadrants(), kind, exif=block, pnginfo=chunks)
    if kind == "TIFF":
        tags = exif or Image.Exif()
        tags[700], tags[33723] = xmp, iptc
        return encoded(quadrants(), kind, exif=tags.tobytes())
    if kind == "JXL":
        return _jxl_with_xmp(encoded(quadrants(), kind, exif=block), xmp)
    content = encoded(quadrants(), kind, exif=block, xmp=xmp)
    return with_iptc(content, iptc) if kind == "JPEG" and iptc else content


def _jxl_with_xmp(content: bytes, xmp: bytes) -> bytes:
    """Return a JPEG XL file in boxes (ISO/IEC 18181-2) with an additional box for XMP."""
    return content + struct.pack(">I", 8 + len(xmp)) + b"xml " + xmp
