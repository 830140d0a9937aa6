"""Reading XML that is not well-formed: a flaw costs the element that has it, and the others are read.

It is read for a target as `xml.etree.ElementTree.XMLParser` has one. Elements that are not closed end with the one
around them, stray end tags and declarations are skipped, and what a cut leaves incomplete is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Protocol

_MARKUP = re.compile(r"""<((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>|<([^<>]*+)>""")  # quotes may be unbalanced
_ATTRIBUTE = re.compile(  # a quote may be missing before the next attribute
    r"""([\w:.-]+)\s*=\s*(?:"((?:(?!\s[\w:.-]+=")[^"])*+)(?:"|(?=\s))|'((?:(?!\s[\w:.-]+=')[^'])*+)(?:'|(?=\s))|([^\s"'>/]+))"""
)
_LESS_IN_QUOTES = re.compile(r"""(=\s*(["'])[^"'<>]*)<(?=[^"'<>]*\2)""")
_NAME = re.compile(r"[\w:.-]+")

_MAX_DEPTH = 50
"""Elements inside each other, at most; XMP has some 15."""

_MAX_CHARACTERS = 4_000_000
"""Characters that are read, at most: the worst text of this length takes 5 seconds."""


class Target(Protocol):
    """Receives elements by their full names, "{name space}name", and their text."""

    def start(self, tag: str, attrs: dict[str, str]) -> object:
        """Open an element."""

    def end(self, tag: str) -> object:
        """Close the innermost open element."""

    def data(self, data: str) -> object:
        """Add text to the innermost open element."""


def read_damaged(text: str, target: Target, *, prefixes: Mapping[str, str], is_property: Callable[[str], bool]) -> None:
    """Read XML for a target.

    Args:
        text: The XML.
        target: Receives it; every element that is opened is closed.
        prefixes: Name spaces of the prefixes that the text may use without a declaration.
        is_property: Whether an element of this full name is a property, so that it cannot be inside another property.
    """
    reader = _Reader(target, dict(prefixes), is_property)
    text = _LESS_IN_QUOTES.sub(r"\1&lt;", _without_comments(text[:_MAX_CHARACTERS])) + ">"  # ends a tag that was cut
    end = 0
    for markup in _MARKUP.finditer(text):
        reader.data(text[end : markup.start()])
        reader.markup(markup[1] if markup[1] is not None else markup[2])
        end = markup.end()
    reader.close_all()  # the text of an element that was cut is not read


def _without_comments(text: str) -> str:
    first, *others = text.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in others)


@dataclass(frozen=True, slots=True)
class _Element:
    """An open element: its names, and whether it is a property of a picture, or a node of RDF, which has properties."""

    name: str
    tag: str
    is_property: bool
    is_node: bool


@dataclass(slots=True)
class _Reader:
    """What was read so far, as the open elements; the outermost is first."""

    target: Target
    prefixes: dict[str, str]
    is_property: Callable[[str], bool]
    elements: list[_Element] = field(default_factory=list)

    def data(self, text: str) -> None:
        """Read text between tags."""
        if text and self.elements:
            self.target.data(unescape(text))

    def markup(self, content: str) -> None:
        """Read what is between < and >."""
        name = _NAME.match(content.removeprefix("/"))
        if name is None:  # a declaration or a processing instruction
            return
        if content.startswith("/"):
            self._end(name[0])
        elif len(self.elements) < _MAX_DEPTH:
            self._start(name[0], content[name.end() :])
            if content.endswith("/"):
                self._close(len(self.elements) - 1)

    def close_all(self) -> None:
        """Close all elements."""
        self._close(0)

    def _start(self, name: str, rest: str) -> None:
        attributes = {match[1]: unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(rest)}
        self.prefixes |= {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
        full = {self._full_name(key): value for key, value in attributes.items() if not key.startswith("xmlns")}
        tag = self._full_name(name)
        is_property = self.is_property(tag)
        is_resource = any(key.endswith("}parseType") and value == "Resource" for key, value in full.items())
        is_node = is_resource or tag.endswith(("}Description", "}RDF"))
        if self.elements and self.elements[-1].name == name:  # RDF has no element directly inside another of its name
            self._close(len(self.elements) - 1)
        if is_property:
            self._close_unfinished()
        self.elements.append(_Element(name, tag, is_property, is_node))
        self.target.start(tag, full)

    def _close_unfinished(self) -> None:
        """Close what cannot contain a property: another property, and whatever is not a node."""
        count = next((i for i, element in enumerate(self.elements) if element.is_property), len(self.elements))
        nodes = [i for i, element in enumerate(self.elements[:count]) if element.is_node]
        self._close(nodes[-1] + 1 if nodes else count)

    def _end(self, name: str) -> None:
        """Close the innermost element of a name, and what is inside it."""
        count = next((i for i in reversed(range(len(self.elements))) if self.elements[i].name == name), None)
        if count is not None:
            self._close(count)

    def _close(self, count: int) -> None:
        """Close the innermost elements, so that `count` are left."""
        while len(self.elements) > count:
            self.target.end(self.elements.pop().tag)

    def _full_name(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        return f"{{{self.prefixes[prefix]}}}{local}" if colon and prefix in self.prefixes else local
