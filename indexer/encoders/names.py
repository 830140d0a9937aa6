"""Names of encoders: the registry of their forms, short names, and the precision at the end of a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from indexer.encoders.plugins import plugin_of
from indexer.encoders.recommended import RECOMMENDED
from indexer.errors import EncoderNotFoundError
from indexer.registry import Entry, expected

Precision = Literal["float32", "int8"]
"""What an encoder computes its matrix products in."""


@dataclass(frozen=True, slots=True)
class NameForm(Entry):
    """One way to name an encoder.

    Attributes:
        pattern: Regular expression that a whole name without its precision matches; empty when it is no name by itself.
    """

    pattern: str = ""

    def matches(self, plain: str) -> bool:
        """Return whether a name without its precision has this form."""
        return bool(self.pattern) and re.fullmatch(self.pattern, plain, flags=re.DOTALL) is not None


NAME_FORMS = (
    NameForm(
        name="compact",
        syntax="compact",
        help="the encoder that ships with Recall and works offline; the default",
        pattern=r"compact",
    ),
    NameForm(
        name="recommended",
        syntax="SHORT-NAME",
        help="a recommended encoder, for instance mobileclip2-s0; recall encoder available lists them",
        pattern="|".join(re.escape(encoder.alias) for encoder in RECOMMENDED if encoder.alias != encoder.name),
    ),
    NameForm(
        name="open_clip",
        syntax="MODEL/WEIGHTS",
        help="one of open_clip's pretrained models, for instance ViT-B-32/laion2b_s34b_b79k",
        pattern=r"[^/:\s]+/[^/\s]+",
    ),
    NameForm(
        name="hf-hub",
        syntax="hf-hub:ORG/REPO",
        help="an open_clip model on the Hugging Face Hub; hf-hub:ORG/REPO@REVISION pins a branch, tag or commit",
        pattern=r"hf-hub:[^/\s]+/[^/\s]+",
    ),
    NameForm(
        name="local-dir",
        syntax="local-dir:PATH",
        help="an open_clip model in a folder, for instance one that you trained",
        pattern=r"local-dir:.+",
    ),
    NameForm(
        name="package",
        syntax="PACKAGE:MODEL",
        help="an encoder of an installed package, for instance st:clip-ViT-B-32 by sentence-transformers",
    ),
    NameForm(
        name="int8",
        syntax="NAME+int8",
        help="any of these in int8, which takes half the time or less on a CPU; the same as --precision int8",
    ),
)
"""The ways to name an encoder."""

_NAME = re.compile("|".join(form.pattern for form in NAME_FORMS if form.pattern), flags=re.DOTALL)


def is_name(name: str) -> bool:
    """Return whether a name without its precision is one that Recall itself loads."""
    return _NAME.fullmatch(name) is not None


def has_form(plain: str, form: str) -> bool:
    """Return whether a name without its precision has the form of this name in `NAME_FORMS`."""
    return any(entry.matches(plain) for entry in NAME_FORMS if entry.name == form)


def full_name(name: str) -> str:
    """Return the name that libraries store: a short name is replaced, any other is returned unchanged."""
    plain, precision = split_precision(name)
    return in_precision(next((encoder.name for encoder in RECOMMENDED if encoder.alias == plain), plain), precision)


def check_name(name: str) -> None:
    """Check the form of an encoder's name, without loading anything.

    Raises:
        EncoderNotFoundError: The name has none of the forms in `NAME_FORMS`, and no installed package provides it.
    """
    plain = split_precision(name)[0]
    if not is_name(plain) and plugin_of(plain) is None:
        raise EncoderNotFoundError(
            f"no encoder is called {name!r}; expected {expected(NAME_FORMS)}; run: recall encoder available"
        )


def split_precision(name: str) -> tuple[str, Precision]:
    """Return an encoder's name without its precision, and the precision: "compact+int8" gives ("compact", "int8").

    A name without a precision means float32.
    """
    plain, plus, precision = name.rpartition("+")
    return (plain, "int8") if plus and precision == "int8" else (name, "float32")


def in_precision(name: str, precision: Precision) -> str:
    """Return an encoder's name with this precision in place of its own."""
    plain = split_precision(name)[0]
    return plain if precision == "float32" else f"{plain}+{precision}"
