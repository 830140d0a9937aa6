"""Checks the subject of a commit message: `python .ci/commit_subject.py FILE`, a commit-msg hook of pre-commit."""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 72
"""Characters: what git log shows in a terminal of 80 columns."""

GENERATED = ("Merge ", 'Revert "', "fixup! ", "squash! ", "amend! ")
"""Beginnings of subjects that git writes itself."""


def problems(message: str) -> list[str]:
    """Return what is wrong with a commit message, one line each."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return ["the commit message is empty; write what the commit does, in the imperative"]
    subject, *body = lines
    if subject.startswith(GENERATED):
        return []
    found = []
    if len(subject) > LONGEST:
        found.append(
            f"the subject has {len(subject)} characters; expected at most {LONGEST}: move the reason to the body"
        )
    if subject.endswith("."):
        found.append("the subject ends with a full stop; leave it out")
    if body and body[0]:
        found.append("the second line is not blank; put a blank line between subject and body")
    return found


def main(file: str) -> int:
    """Print what is wrong with the message in a file, and return the exit code."""
    found = problems(Path(file).read_text(encoding="utf-8"))
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
