"""Long work of a server: it runs in threads, is watched and cancelled, and is forgotten with the server."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from indexer.errors import LibraryClosedError, RecallError
from indexer.types import Progress, ProgressCallback
from retrieval.server.problems import ProblemError, problem_content

logger = logging.getLogger(__name__)

JobKind = Literal["sync", "duplicates", "tune", "optimize"]

JobState = Literal["running", "done", "failed", "cancelled"]

WRITING: frozenset[JobKind] = frozenset({"sync", "tune", "optimize"})
"""Kinds of jobs that change the library: one of them at a time."""

_MOST_FINISHED = 20
"""Finished jobs of a library that are kept; besides, the last of each kind that found something."""

Work = Callable[[ProgressCallback], dict[str, Any]]
"""What a job does: it returns its result as values for JSON."""


class _CancelledError(Exception):
    """Raised within the work of a job that was cancelled."""


@dataclass(slots=True)
class Job:
    """Long work on a library.

    Attributes:
        name: Its name, which cannot be guessed.
        library: Name of the library.
        kind: What it does.
        started: When it was started, seconds since 1970.
        state: Whether it runs, or how it ended.
        progress: The last progress; None before the first.
        result: What it found, once it is done.
        problem: Why it failed.
        revision: A number that grows with each change.
    """

    name: str
    library: str
    kind: JobKind
    started: float
    state: JobState = "running"
    progress: Progress | None = None
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    revision: int = 0
    is_cancelled: bool = field(default=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the job as values for JSON."""
        progress = self.progress
        return {
            "job": self.name,
            "kind": self.kind,
            "state": self.state,
            "started": self.started,
            "progress": None
            if progress is None
            else {"stage": progress.stage, "done": progress.done, "total": progress.total},
            "result": self.result,
            "problem": self.problem,
        }

    def report(self, progress: Progress) -> None:
        """Note the progress.

        Raises:
            _CancelledError: The job was cancelled; this ends its work.
        """
        if self.is_cancelled:
            raise _CancelledError
        self.progress = progress
        self.revision += 1


class Jobs:
    """The jobs of a server; safe to use from several threads."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}  # by name, the oldest first
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self.is_closed = False

    def start(self, library: str, kind: JobKind, work: Work) -> Job:
        """Start a job and return it.

        Args:
            library: Name of the library.
            kind: What it does.
            work: Does it, in a thread.

        Raises:
            ProblemError: Another job of this kind, or one that changes the library too, is running.
        """
        with self._lock:
            if self.is_closed:
                raise ProblemError(503, "the server is ending; start it again")
            running = [job for job in self._jobs.values() if job.library == library and job.state == "running"]
            for job in running:
                if job.kind == kind or (job.kind in WRITING and kind in WRITING):
                    raise ProblemError(409, f"the job {job.kind} is running; wait for its end, or cancel it")
            job = Job(f"j{secrets.token_urlsafe(9)}", library, kind, time.time())
            thread = threading.Thread(target=self._run, args=(job, work), name=f"recall-{kind}", daemon=True)
            thread.start()  # before the job is known: if it cannot start, no job may seem to run; its end waits for us
            self._jobs[job.name], self._threads[job.name] = job, thread
        return job

    def of(self, library: str) -> list[Job]:
        """Return the jobs of a library, the oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.library == library]

    def get(self, library: str, name: str) -> Job | None:
        """Return a job by its name; None if it is not known, or no longer."""
        job = self._jobs.get(name)
        return job if job is not None and job.library == library else None

    def cancel(self, job: Job) -> None:
        """Have a job end at its next step; what it committed stays."""
        job.is_cancelled = True

    def close(self, *, patience: float = 10.0) -> None:
        """Cancel all jobs and wait for them.

        Args:
            patience: Seconds to wait, at most.
        """
        with self._lock:
            self.is_closed = True
            threads = list(self._threads.values())
            for job in self._jobs.values():
                job.is_cancelled = True
        end = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, job: Job, work: Work) -> None:
        try:
            result = work(job.report)
        except _CancelledError:
            self._end(job, "cancelled")
        except LibraryClosedError as error:
            self._end(job, "cancelled" if job.is_cancelled else "failed", problem=problem_content(error))
        except RecallError as error:
            self._end(job, "failed", problem=problem_content(error))
        except Exception as error:
            logger.exception("the job %s failed", job.kind)
            self._end(job, "failed", problem=problem_content(error))
        else:
            self._end(job, "done", result=result)

    def _end(
        self, job: Job, state: JobState, *, result: dict[str, Any] | None = None, problem: dict[str, Any] | None = None
    ) -> None:
        """Note how a job ended, and forget old ones."""
        with self._lock:
            job.result, job.problem = result, problem
            job.state = state  # last: who sees it sees the result too
            job.revision += 1
            self._threads.pop(job.name, None)
            for old in list(self._too_many(job)):
                del self._jobs[old.name]

    def _too_many(self, ended: Job) -> Iterator[Job]:
        """Yield the jobs to forget: an earlier one of its kind that found something, and the oldest."""
        finished = [
            job
            for job in self._jobs.values()
            if job.library == ended.library and job.state != "running" and job is not ended
        ]
        for place, job in enumerate(reversed(finished)):
            if job.result is None:
                if place >= _MOST_FINISHED:
                    yield job
            elif job.kind == ended.kind and ended.result is not None:
                yield job
