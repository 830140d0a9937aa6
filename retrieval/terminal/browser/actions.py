"""What the keys do with a result, in the grid and with the large picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import App

from indexer.errors import RecallError
from indexer.types import COLLECTION
from retrieval.terminal.browser.session import Found, Session
from retrieval.terminal.viewer import open_file

if TYPE_CHECKING:
    from retrieval.search.hits import Hit


@dataclass(frozen=True, slots=True)
class Actions:
    """Judges, opens and copies; what can take time happens in threads, and what went wrong is shown as a sentence.

    Attributes:
        app: The program.
        session: The library that it shows.
        changed: Called when a judgement was recorded.
    """

    app: App[Any]
    session: Session
    changed: Callable[[], None]

    def judge(self, found: Found, hit: Hit, *, is_good: bool) -> None:
        """Record whether a hit is good."""

        def judge() -> None:
            self.session.judge(found, hit, is_good=is_good)
            self.app.call_later(self.changed)
            self.say(f"judged {'good' if is_good else 'bad'}: {self.session.describe(hit)[0]}")

        self._in_thread(judge)

    def open(self, hit: Hit) -> None:
        """Open the file of a hit in the system's viewer."""
        if self._has_file(hit):
            self._in_thread(partial(open_file, hit.path))

    def copy(self, hit: Hit) -> None:
        """Copy the path of a hit to the clipboard of the terminal."""
        if not self._has_file(hit):
            return
        path = str(hit.path)
        try:
            path.encode()
        except UnicodeEncodeError:
            self.say(f"{path} cannot be copied: its name is not valid text; rename the file", is_error=True)
            return
        self.app.copy_to_clipboard(path)
        self.say(f"copied {path}")

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show a sentence for some seconds."""
        severity, seconds = ("error", 8) if is_error else ("information", 3)
        self.app.notify(self.session.clean(text), severity=severity, timeout=seconds, markup=False)  # type: ignore[arg-type]

    def _has_file(self, hit: Hit) -> bool:
        if str(hit.path).startswith(COLLECTION):
            self.say(f"{hit.id} was added without a file, so it has no path", is_error=True)
            return False
        return True

    def _in_thread(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except RecallError as error:
                self.say(str(error), is_error=True)

        self.app.run_worker(run, thread=True)
