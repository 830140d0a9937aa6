"""Rerankers by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from indexer.errors import QueryError
from retrieval.search.rerank.blend import Blend
from retrieval.search.rerank.bursts import Bursts
from retrieval.search.rerank.exact import Exact
from retrieval.search.rerank.mmr import Mmr
from retrieval.search.rerank.protocol import Reranker
from retrieval.search.rerank.second_encoder import SecondEncoder

FORMS = "exact, mmr[:LAMBDA], bursts[:COSINE], encoder:NAME[:N], blend:WEIGHT[,WEIGHT…]"
"""The ways to name a reranker, for help and errors."""


NOTHING = "none"
"""The chain without a reranker."""


def names_rerankers(written: str) -> bool:
    """Return whether this begins as a chain of rerankers does, right or wrong in what follows."""
    return re.split("[:+]", written, maxsplit=1)[0] in (NOTHING, *_MAKERS)


def chain_names(written: str) -> list[str]:
    """Return the names in a chain such as "bursts+mmr:0.7"; those of encoders may hold a + themselves."""
    return [] if written == NOTHING else re.split(rf"\+(?=(?:{'|'.join(_MAKERS)})(?:[:+]|$))", written)


def rerankers(asked: Sequence[str | Reranker]) -> list[Reranker]:
    """Return rerankers, by name (see `FORMS`) or as they are.

    Raises:
        QueryError: A name is not known, or what stands behind it cannot be.
        EncoderNotFoundError: No encoder has such a name.
    """
    if isinstance(asked, str):
        raise TypeError(f"rerank is the string {asked!r}; expected a list of them")
    for each in asked:
        if not isinstance(each, str | Reranker):
            raise TypeError(f"{each!r} is no reranker; expected a name or an object with a method rerank")
    return [_named(each) if isinstance(each, str) else each for each in asked]


def _named(asked: str) -> Reranker:
    name, colon, argument = asked.partition(":")
    if name not in _MAKERS or (colon and not argument):
        raise QueryError(f"no reranker is called {asked!r}; expected {FORMS}")
    return _MAKERS[name](argument)


def _exact(argument: str) -> Reranker:
    if argument:
        raise QueryError(f"exact takes nothing behind a colon, not {argument!r}")
    return Exact()


def _mmr(argument: str) -> Reranker:
    return Mmr(_number("mmr", argument)) if argument else Mmr()


def _bursts(argument: str) -> Reranker:
    return Bursts(_number("bursts", argument)) if argument else Bursts()


def _encoder(argument: str) -> Reranker:
    if not argument:
        raise QueryError("encoder has no name; expected encoder:NAME, for instance encoder:compact+int8")
    counted = re.fullmatch(r"(.+):(-?\d{1,9})", argument, flags=re.DOTALL)
    return SecondEncoder(counted[1], int(counted[2])) if counted else SecondEncoder(argument)


def _blend(argument: str) -> Reranker:
    return Blend([_number("blend", part) for part in argument.split(",")] if argument else [])


def _number(name: str, written: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise QueryError(f"{name} has {written!r}, which is no number; expected {FORMS}") from None


_MAKERS: dict[str, Callable[[str], Reranker]] = {
    "exact": _exact,
    "mmr": _mmr,
    "bursts": _bursts,
    "encoder": _encoder,
    "blend": _blend,
}
