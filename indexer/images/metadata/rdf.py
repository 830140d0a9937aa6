"""The properties of a picture in a packet of XMP; untrusted XML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError, TreeBuilder

from indexer.images.metadata.damaged_xml import read_damaged

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xap": "http://ns.adobe.com/xap/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "mediapro": "http://ns.iview-media.com/mediapro/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
}
"""Name spaces by their usual prefixes."""

_MAX_ELEMENTS = 500_000
"""Elements of a packet that are read, at most, in some 3 seconds; 16 MB of brush strokes have as many."""

Reader = Callable[["Element"], list[str]]
"""Returns the values of a property that is an element."""


def read_properties(packet: str, readers: Mapping[str, Reader]) -> dict[str, list[str]]:
    """Return the values of a picture's properties by their names, for instance "xmp:Rating".

    A packet that is not well-formed is read as far as possible, and a packet of very many elements to the limit.

    Args:
        packet: XML.
        readers: The properties to read, and how an element is read; attributes are text.

    Raises:
        ValueError: The packet defines entities.
    """
    from defusedxml.ElementTree import XMLParser  # late: most photos have no XMP

    collector = _Collector(readers)
    parser = XMLParser(target=collector)
    try:
        parser.feed(packet)
        parser.close()
    except _TooManyElementsError:
        pass
    except ParseError:
        collector = _Collector(readers)
        read_damaged(packet, collector, prefixes=_NAMESPACES, is_property=lambda tag: property_name(tag) in readers)
    return collector.properties


class _TooManyElementsError(Exception):
    """A packet has more than `_MAX_ELEMENTS`."""


class _Collector:
    """Receives a packet and keeps the properties that have a reader, and nothing else of it."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self.properties: dict[str, list[str]] = {}
        self._readers = readers
        self._depth = 0
        self._count = 0
        self._rdf_depth: int | None = None
        self._tree: TreeBuilder | None = None
        self._tree_depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._count > _MAX_ELEMENTS:
            raise _TooManyElementsError
        if self._tree is not None:
            self._tree.start(tag, attrs)
            return
        name = property_name(tag)
        if self._rdf_depth is None:
            self._rdf_depth = self._depth if name == "rdf:RDF" else None
        elif self._depth <= self._rdf_depth + 2 and name in self._readers:
            self._tree, self._tree_depth = TreeBuilder(), self._depth
            self._tree.start(tag, attrs)
        elif self._depth == self._rdf_depth + 1:  # a description of the picture
            for key, value in attrs.items():
                if self._readers.get(property_name(key)) is texts:
                    self._add(property_name(key), [value])

    def end(self, tag: str) -> None:
        if self._tree is not None:
            self._tree.end(tag)
            if self._depth == self._tree_depth:
                name = property_name(tag)
                self._add(name, self._readers[name](self._tree.close()))
                self._tree = None
        elif self._depth == self._rdf_depth:
            self._rdf_depth = None
        self._depth -= 1

    def data(self, data: str) -> None:
        if self._tree is not None:
            self._tree.data(data)

    def close(self) -> None:
        pass

    def _add(self, name: str, values: list[str]) -> None:
        self.properties.setdefault(name, []).extend(values)


def texts(element: Element) -> list[str]:
    """Return the text of a property, or the entries of its list; the default language is first."""
    entries = [entry for items in element for entry in items if property_name(entry.tag) == "rdf:li"]
    if not entries:
        return [element.text or "", *(child.text or "" for child in element if property_name(child.tag) == "rdf:value")]
    ordered = sorted(entries, key=_has_other_language)  # stable: the others stay in order
    return [entry.text or "" for entry in ordered]


def structures(element: Element) -> Iterator[dict[str, str]]:
    """Yield the fields of each structure in a property, whether they are attributes or elements."""
    for node in element.iter():
        fields = {property_name(name): value for name, value in node.attrib.items()}
        for child in node:
            value = next((text for text in texts(child) if text.strip()), None)
            if value is not None:
                fields.setdefault(property_name(child.tag), value)
        yield fields


@lru_cache(maxsize=1000)
def property_name(tag: str) -> str:
    """Return a full name with the usual prefix of its name space; programs differ in its case and its last slash."""
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    prefix = _PREFIXES.get(_normalized(namespace))
    return f"{prefix}:{name}" if prefix else tag


def _normalized(namespace: str) -> str:
    return namespace.lower().removeprefix("http://").removeprefix("https://").rstrip("/#")


_PREFIXES = {_normalized(namespace): prefix for prefix, namespace in _NAMESPACES.items() if prefix != "xap"}


def _has_other_language(entry: Element) -> bool:
    return entry.get("{http://www.w3.org/XML/1998/namespace}lang") != "x-default"
