"""Long work: started, watched and cancelled."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import anyio.to_thread
from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from indexer.object_path import SCHEME, absolute_path, is_object
from indexer.storage.url import is_url
from indexer.types import ProgressCallback, is_below
from retrieval.library import Library
from retrieval.schemas.filters import Filters, as_filter
from retrieval.server.answers import Json
from retrieval.server.jobs import WRITING, Job, JobKind, Jobs, JobState
from retrieval.server.libraries import Served, ServedLibrary, check_writable
from retrieval.server.problems import Problem, ProblemError
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/jobs", tags=["jobs"])

_LOOK_SECONDS = 0.2
"""How often a job is looked at for events."""

_QUIET_SECONDS = 15.0
"""Time without an event after which a comment shows that the connection is open."""


class SyncJob(BaseModel):
    """Read what was indexed again; or folders that the server was told to allow."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["sync"]
    paths: list[Annotated[str, Field(min_length=1, max_length=4096)]] = Field(
        [], max_length=100, description="Folders to index, if the server allows them; by default all indexed before."
    )


class DuplicatesJob(BaseModel):
    """Find photos that show the same picture."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["duplicates"]
    filters: Filters | None = None


class TuneJob(BaseModel):
    """Learn from the judgements."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["tune"]
    method: Literal["adapter", "adapter-both", "lora"] = "adapter"
    dry_run: bool = Field(default=False, description="Whether to measure only.")


class OptimizeJob(BaseModel):
    """Choose the fastest index by measurement."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["optimize"]
    recall: float = Field(0.99, gt=0, le=1, description="Share of the best results that the index must find.")
    memory: int | None = Field(None, ge=1, le=2**62, description="Bytes that the index may take.")


NewJob = Annotated[SyncJob | DuplicatesJob | TuneJob | OptimizeJob, Body(discriminator="kind")]


class JobProgress(BaseModel):
    """How far a job is."""

    stage: str
    done: int
    total: int | None = Field(description="null while it is not known.")


class JobModel(BaseModel):
    """A job."""

    job: str = Field(description="Its name.")
    kind: JobKind
    state: JobState
    started: float = Field(description="Seconds since 1970.")
    progress: JobProgress | None
    result: dict[str, Any] | None = Field(description="What it found, once it is done.")
    problem: Problem | None = Field(description="Why it failed.")


@ROUTER.post("", status_code=202, response_model=JobModel)
def start_job(served: ServedLibrary, shared: Shared, wanted: NewJob) -> Json:
    """Start a job; one that changes the library at a time."""
    if wanted.kind in WRITING:
        check_writable(served)
    if isinstance(wanted, SyncJob):
        _check_folders(wanted.paths, shared.options.folders)
    job = shared.jobs.start(served.name, wanted.kind, partial(_work, served.library, wanted))
    return Json(job.to_dict(), status_code=202)


@ROUTER.get("", response_model=list[JobModel])
def list_jobs(served: ServedLibrary, shared: Shared) -> Json:
    """List the jobs since the server was started, the oldest first; of each kind the last result is kept."""
    return Json([job.to_dict() for job in shared.jobs.of(served.name)])


@ROUTER.get("/{job}", response_model=JobModel)
def get_job(served: ServedLibrary, shared: Shared, job: str) -> Json:
    """Return a job."""
    return Json(_job(served, shared.jobs, job).to_dict())


@ROUTER.delete("/{job}", status_code=202, response_model=JobModel)
def cancel_job(served: ServedLibrary, shared: Shared, job: str) -> Json:
    """Cancel a job; it ends at its next step, and what it committed stays."""
    found = _job(served, shared.jobs, job)
    shared.jobs.cancel(found)
    return Json(found.to_dict(), status_code=202)


@ROUTER.get(
    "/{job}/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
def job_events(served: ServedLibrary, shared: Shared, job: str) -> StreamingResponse:
    """Send the progress of a job as server-sent events until it ends: progress, done, failed or cancelled."""
    events = _events(shared.jobs, _job(served, shared.jobs, job))
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _job(served: Served, jobs: Jobs, name: str) -> Job:
    """Return a job of a library.

    Raises:
        ProblemError: There is none.
    """
    found = jobs.get(served.name, name)
    if found is None:
        raise ProblemError(404, f"there is no job {name[:100]!r}; the server forgets jobs when it ends")
    return found


def _text(job: Job) -> str:
    """Return a job as JSON in one line."""
    return json.dumps(job.to_dict())


async def _events(jobs: Jobs, job: Job) -> AsyncIterator[str]:
    """Yield the events of a job. It is only looked at: nothing here waits for its thread."""
    seen, last = -1, time.monotonic()
    while not jobs.is_closed:
        revision, state = job.revision, job.state
        if revision != seen or state != "running":
            seen, last = revision, time.monotonic()
            name = "progress" if state == "running" else state
            data = await anyio.to_thread.run_sync(_text, job)  # duplicates of a large library have megabytes
            yield f"event: {name}\ndata: {data}\n\n"
            if state != "running":
                return
        elif time.monotonic() - last > _QUIET_SECONDS:
            last = time.monotonic()
            yield ": still running\n\n"
        await anyio.sleep(_LOOK_SECONDS)


def _work(library: Library, wanted: BaseModel, progress: ProgressCallback) -> dict[str, Any]:
    """Do what a job is for, and return its result."""
    if isinstance(wanted, SyncJob):
        return library.sync(*wanted.paths, progress=progress).to_dict()
    if isinstance(wanted, TuneJob):
        return library.tune(method=wanted.method, dry_run=wanted.dry_run, progress=progress).to_dict()
    if isinstance(wanted, OptimizeJob):
        choice = library.optimize(recall=wanted.recall, memory=wanted.memory, progress=progress)
        return {"measurements": [asdict(measurement) for measurement in choice.measurements]}
    filters = wanted.filters if isinstance(wanted, DuplicatesJob) else None
    found = library.duplicates(where=as_filter(filters), progress=progress)
    return {
        "groups": [group.to_dict() for group in found.groups],
        "failures": [{"path": str(path), "reason": reason} for path, reason in found.failures],
        "reclaimable_bytes": sum(photo.reclaimable_bytes for group in found.groups for photo in group.others),
    }


def _check_folders(paths: list[str], allowed: Sequence[Path]) -> None:
    """Refuse folders that the server was not told to allow.

    Raises:
        ProblemError: A path is not below one of them.
    """
    for path in paths:
        if "\0" in path or not any(_is_within(path, folder) for folder in allowed):
            raise ProblemError(
                403, f"this server does not index {path[:200]!r}; start it with --allow-folders and the folder"
            )


def _is_within(path: str, folder: Path) -> bool:
    """Return whether what a sync reads at a path is an allowed folder or below it; no folder of this machine has URLs.

    A key with "..", "." or an empty component counts as outside: who sends it to the server may shorten it.
    """
    if is_url(path) or is_object(folder):
        url, allowed = absolute_path(path), str(folder)
        is_plain = {"", ".", ".."}.isdisjoint(url.removeprefix(SCHEME).split("/"))
        return is_object(path) and is_object(folder) and is_plain and (url == allowed or is_below(url, allowed))
    try:
        real = os.path.realpath(Path(path).expanduser())  # as `resolve_path` does: the home folder for ~
    except RuntimeError:  # of an unknown user
        return False
    return Path(real).is_relative_to(os.path.realpath(folder))
