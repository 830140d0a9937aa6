"""Why a search shows nothing, and notes about words that the encoder does not know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.cli.messages import note
from retrieval.cli.output import OutputFormat

if TYPE_CHECKING:
    from retrieval.search.hits import Hit, Hits


def explain_nothing(hits: Hits, output: OutputFormat) -> None:
    """Print on stderr why no hit is shown: an unknown word, nothing similar, or nothing that passes the filters.

    Args:
        hits: All hits, which are hidden.
        output: How hits would have been printed; for JSON the reason is an object too.
    """
    best = _best(hits)
    reason, message = why_nothing(hits)
    if reason == "nothing similar" and best is not None:
        message += f"; the best guess is {best.path}, with a match probability {_rounded_down(best.probability or 0.0)}"
        message += " (--all shows unlikely hits)"
    _print_reason(reason, message, hits, best, output)


def why_nothing(hits: Hits) -> tuple[str, str]:
    """Return why no hit is shown, in two or three words and as a sentence.

    Args:
        hits: All hits, which are hidden.
    """
    if hits.unknown_words:
        return "unknown word", _unknown_words(hits)
    return ("nothing similar", "nothing matches") if hits else ("no candidates", "nothing found")


def _best(hits: Hits) -> Hit | None:
    return max(hits, key=lambda hit: hit.probability or 0.0, default=None)


def note_unknown_words(hits: Hits, output: OutputFormat) -> None:
    """Print on stderr which words of the query the encoder does not know, if there are any."""
    if hits.unknown_words:
        _print_reason(None, _unknown_words(hits), hits, None, output)


def _print_reason(reason: str | None, message: str, hits: Hits, best: Hit | None, output: OutputFormat) -> None:
    if output != "json":
        note(f"recall: {message}")
        return
    guess = None if best is None else {"path": str(best.path), "probability": best.to_dict()["probability"]}
    words = [{"word": word, "suggestions": list(meant)} for word, meant in hits.unknown_words.items()]
    note(json.dumps({"nothing": reason, "message": message, "unknown_words": words, "best_guess": guess}))


def _unknown_words(hits: Hits) -> str:
    """Return the sentence about unknown words, with what may be meant."""
    words = hits.unknown_words
    if len(words) > 1:
        each = [f"{word!r}{f' ({_choice(meant)}?)' if meant else ''}" for word, meant in words.items()]
        return f"the encoder does not know the words {', '.join(each[:-1])} and {each[-1]}"
    [(word, meant)] = words.items()
    if meant:
        return f"the encoder does not know the word {word!r}; did you mean {_choice(meant)}?"
    return (
        f"the encoder does not know the word {word!r}, and no name or text in the library has it "
        f"(recall learn teaches it a word)"
    )


def _choice(words: Sequence[str]) -> str:
    """Return words as a choice: 'a', 'b' or 'c'."""
    quoted = [repr(word) for word in words]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _rounded_down(probability: float) -> str:
    """Return a probability in whole percent, never rounded up to the threshold that it is below."""
    percent = int(100 * probability)
    return f"of {percent}%" if percent else "below 1%"
