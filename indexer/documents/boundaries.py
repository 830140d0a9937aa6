"""Where a text may be split: after sections, paragraphs, lines and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_WRAPPED = re.compile(r"""(?<=[^\n]{40})(?<![.!?:;|])\n(?=[^\W\d_]|["'(«„“])""")
"""The end of a full line in the middle of a sentence, as e-mails and READMEs have it."""

_SECTION = re.compile(r"\n(?:[^\S\n]*+\n){2,}+")  # two or more blank lines
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+")
_LINE = re.compile(r"\n\s*+")
_SENTENCE_ENDS = ".!?…؟۔।॥։።"  # noqa: RUF001 marks of other scripts
_CJK_SENTENCE_ENDS = "。．！？｡"  # noqa: RUF001 the same
_CLOSING = "\"'”’»)\\]」』）】〉》"  # noqa: RUF001 the same
_SENTENCE = re.compile(
    rf"""(?<![{_SENTENCE_ENDS}])
         (?<!\b[A-Z])(?<!\b(?:Dr|Mr|Ms|No|St))(?<!\bMrs)(?<!\bProf)  # initials, titles, "No. 5"
         [{_SENTENCE_ENDS}]++[{_CLOSING}]*+(?=\s)
       | [{_CJK_SENTENCE_ENDS}]++[{_CLOSING}]*+  # Chinese and Japanese put no space between sentences
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")

_FENCED_CODE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*+[^\S\n]*+$|\Z)", re.MULTILINE | re.DOTALL)
"""CommonMark 0.31, section 4.5."""

_HEADING = re.compile(
    r"""^[ ]{0,3}(\#{1,6})(?:[^\S\n][^\n]*+)?$  # CommonMark 0.31, section 4.2
      | (?<![^\n]\n)^[^\S\n]*+\S[^\n]*+\n[ ]{0,3}(=++|-++)[^\S\n]*+$  # section 4.3
    """,
    re.MULTILINE | re.VERBOSE,
)


def unwrapped(text: str) -> str:
    """Return a text with a space for each line end in the middle of a sentence."""
    return _WRAPPED.sub(" ", text)


class _Heading(NamedTuple):
    start: int
    end: int
    level: int


def boundaries(text: str, *, markdown: bool = False) -> list[list[int]]:
    """Return the positions where a text may be split: one ascending list per kind, the strongest kind first.

    Each list includes the stronger ones: the end of a paragraph is also the end of a line and of a sentence.

    Args:
        text: Its lines end in a line feed alone.
        markdown: Whether headings begin sections and stay with the text below them, and fenced code stays together.
    """
    prose = _FENCED_CODE.sub(lambda code: "`" * len(code[0]), text) if markdown else text
    headings = list(_headings(prose)) if markdown else []
    inside = {heading.end for heading in headings}  # of what stays together: a heading and what follows it
    inside |= {prose.find("\n", heading.start) for heading in headings}
    inside |= {below.start for above, below in pairwise(headings) if not prose[above.end : below.start].strip()}
    kinds = [[heading.start for heading in headings if heading.level == level] for level in range(1, 7)]
    kinds += [_starts(_SECTION, prose), _starts(_PARAGRAPH, prose), _starts(_LINE, text), list(_sentence_ends(prose))]
    cumulative: list[list[int]] = [[]]
    for positions in kinds:
        if positions:
            cumulative.append(sorted({*cumulative[-1], *positions} - inside))
    return cumulative[1:]


def _headings(prose: str) -> Iterator[_Heading]:
    for match in _HEADING.finditer(prose):
        level = len(match[1]) if match[1] else 1 + (match[2][0] == "-")
        yield _Heading(match.start(), match.end(), level)


def _starts(pattern: re.Pattern[str], text: str) -> list[int]:
    return [match.start() for match in pattern.finditer(text)]


def _sentence_ends(prose: str) -> Iterator[int]:
    """Yield the ends of sentences; a period, question mark or the like before a small letter is not one."""
    for match in _SENTENCE.finditer(prose):
        space = _SPACE.match(prose, match.end())
        following = prose[space.end()] if space and space.end() < len(prose) else ""
        if not following.islower():
            yield match.end()
