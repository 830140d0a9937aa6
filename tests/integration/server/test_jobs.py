"""Long work through the server: its progress, its end, and what two jobs may not do at once."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from indexer.errors import QueryError
from indexer.object_path import ObjectPath
from indexer.types import Progress, ProgressCallback
from retrieval import Library
from retrieval.server.jobs import Jobs
from retrieval.server.problems import ProblemError
from retrieval.server.routers.jobs import _check_folders
from tests.support.serving import Running

L = "/api/libraries/photos"


@pytest.fixture
def own(tmp_path: Path, skimage_photos: Path) -> Path:
    """Return a folder of three photos that the test may change, and make a library of it beside it."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("coffee.png", "rocket.jpg", "chelsea.png"):
        shutil.copy(skimage_photos / name, folder)
    with Library.open(tmp_path / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    return folder


@pytest.fixture
def server(start: Callable[..., Running], own: Path) -> Running:
    """Return a server on that library, which may index the folder "more"."""
    return start(own.parent / "photos.recall", folders=[own.parent / "more"])


@pytest.fixture
def writer(server: Running) -> Iterator[httpx.Client]:
    """Return a client of that server."""
    with server.client() as client:
        yield client


def started(client: httpx.Client, **body: Any) -> str:
    """Start a job and return its name."""
    answer = client.post(f"{L}/jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("running", "done")
    return str(answer.json()["job"])


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """Wait for the end of a job, and return it."""
    for _ in range(600):
        answer: dict[str, Any] = client.get(f"{L}/jobs/{job}").json()
        if answer["state"] != "running":
            return answer
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def events(client: httpx.Client, job: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a job until it ends."""
    with client.stream("GET", f"{L}/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        return [
            (line.removeprefix("event: "), json.loads(next(lines).removeprefix("data: ")))
            for line in lines
            if line.startswith("event: ")
        ]


def sentence(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_a_sync_finds_new_photos(writer: httpx.Client, own: Path) -> None:
    shutil.copy(own / "coffee.png", own / "again.png")
    (own / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    job = started(writer, kind="sync")
    seen = events(writer, job)
    name, last = seen[-1]
    assert (name, last["state"]) == ("done", "done")
    assert (last["result"]["added"], last["result"]["failed"]) == (1, 1)
    assert {name for name, _ in seen[:-1]} <= {"progress"}
    assert writer.get(f"{L}/jobs/{job}").json() == last
    assert [each["job"] for each in writer.get(f"{L}/jobs").json()] == [job]


def test_duplicates_are_grouped_and_nothing_is_deleted(writer: httpx.Client, own: Path) -> None:
    Image.open(own / "chelsea.png").resize((300, 200)).save(own / "small.png")
    ended(writer, started(writer, kind="sync"))
    job = ended(writer, started(writer, kind="duplicates"))
    (group,) = job["result"]["groups"]
    assert Path(group["best"]["path"]).name == "chelsea.png"
    assert [Path(photo["path"]).name for photo in group["others"]] == ["small.png"]
    assert job["result"]["reclaimable_bytes"] == (own / "small.png").stat().st_size
    assert job["result"]["failures"] == []


def test_an_index_is_chosen(writer: httpx.Client) -> None:
    job = ended(writer, started(writer, kind="optimize", recall=0.9))
    assert job["state"] == "done"
    assert job["result"]["measurements"][0]["kind"]


def test_a_job_that_fails_says_why(writer: httpx.Client) -> None:
    job = ended(writer, started(writer, kind="tune"))
    assert (job["state"], job["result"]) == ("failed", None)
    assert job["problem"]["type"] == "urn:recall:tuning"
    assert job["problem"]["status"] == 422
    assert "judge" in job["problem"]["detail"]


def test_new_folders_are_indexed_only_if_the_server_was_told_to_allow_them(writer: httpx.Client, own: Path) -> None:
    shutil.copytree(own, own.parent / "more" / "trip")
    assert "--allow-folders" in sentence(writer.post(f"{L}/jobs", json={"kind": "sync", "paths": ["/etc"]}), 403)
    for outside in (str(own.parent / "more" / ".." / "own"), "\0"):
        assert "--allow-folders" in sentence(writer.post(f"{L}/jobs", json={"kind": "sync", "paths": [outside]}), 403)
    job = ended(writer, started(writer, kind="sync", paths=[str(own.parent / "more" / "trip")]))
    assert job["state"] == "done"
    assert len(writer.get(f"{L}/status").json()["sources"]) == 2


@pytest.mark.parametrize(
    "path",
    [
        "s3://secret/x",  # a relative path as realpath reads it, below the working folder
        "s3://photos",
        "s3://photos/2024x",
        "s3://photos/2024/../x",
        "s3://photos/2024//x",
        "gs://photos/2024",
        "~/x",  # what a sync reads is below the home folder
        "./~/x",
        "~no-such-user/x",
        "../x",
    ],
)
def test_urls_and_the_home_folder_are_not_below_the_working_folder(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    allowed = [Path(), Path("s3:"), ObjectPath("s3://photos/2024")]
    _check_folders(["x", "./x/~/y", "s3://photos/2024", "s3://photos/2024/", "s3://photos/2024/x"], allowed)
    with pytest.raises(ProblemError, match="--allow-folders"):
        _check_folders(["x", path], allowed)
    with pytest.raises(ProblemError, match="--allow-folders"):
        _check_folders(["s3://photos/2024"], allowed[:2])


def test_jobs_that_cannot_be_are_refused(writer: httpx.Client) -> None:
    assert writer.post(f"{L}/jobs", json={"kind": "delete everything"}).status_code == 422
    assert writer.post(f"{L}/jobs", json={"kind": "optimize", "recall": 2}).status_code == 422
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        assert "there is no job 'none'" in sentence(writer.request(method, f"{L}/jobs/none{path}"), 404)


def test_a_library_that_another_process_writes_is_not_synced(writer: httpx.Client, own: Path) -> None:
    with Library.open(own.parent / "photos.recall") as other, other._store.writing("indexing /photos"):
        job = ended(writer, started(writer, kind="sync"))
    assert (job["state"], job["problem"]["status"]) == ("failed", 409)
    assert "indexing /photos" in job["problem"]["detail"]


def test_a_server_that_only_reads_finds_duplicates_and_changes_nothing(client: httpx.Client) -> None:
    for kind in ("sync", "tune", "optimize"):
        assert "only reads" in sentence(client.post(f"{L}/jobs", json={"kind": kind}), 403)
    assert ended(client, started(client, kind="duplicates"))["state"] == "done"


def steps(gate: threading.Event) -> Callable[[ProgressCallback], dict[str, Any]]:
    """Return work that reports its progress until the gate is open."""

    def work(progress: ProgressCallback) -> dict[str, Any]:
        done = 0
        while not gate.wait(0.01):
            done += 1
            progress(Progress("counting", done))
        return {"done": done}

    return work


def wait_for_end(jobs: Jobs, name: str) -> str:
    """Return how a job ended."""
    while (job := jobs.get("photos", name)) is not None and job.state == "running":
        time.sleep(0.01)
    assert job is not None
    return job.state


def test_one_job_changes_a_library_at_a_time() -> None:
    jobs, gate = Jobs(), threading.Event()
    first = jobs.start("photos", "sync", steps(gate))
    with pytest.raises(ProblemError, match="the job sync is running") as raised:
        jobs.start("photos", "tune", steps(gate))
    assert raised.value.status == 409
    jobs.start("other", "sync", steps(gate))
    jobs.start("photos", "duplicates", steps(gate))
    gate.set()
    assert wait_for_end(jobs, first.name) == "done"
    assert wait_for_end(jobs, jobs.start("photos", "tune", steps(gate)).name) == "done"
    assert jobs.get("other", first.name) is None  # a job is known in its library only
    jobs.close()


def test_a_job_is_cancelled_at_its_next_step() -> None:
    jobs = Jobs()
    job = jobs.start("photos", "sync", steps(threading.Event()))
    jobs.cancel(job)
    assert wait_for_end(jobs, job.name) == "cancelled"
    assert job.to_dict()["result"] is None
    running = jobs.start("photos", "sync", steps(threading.Event()))
    jobs.close()
    assert running.state == "cancelled"
    with pytest.raises(ProblemError, match="the server is ending"):
        jobs.start("photos", "sync", steps(threading.Event()))


def test_old_jobs_are_forgotten_and_the_last_result_of_each_kind_is_kept() -> None:
    jobs, gate = Jobs(), threading.Event()
    gate.set()
    wait_for_end(jobs, jobs.start("photos", "duplicates", steps(gate)).name)

    def failing(progress: ProgressCallback) -> dict[str, Any]:
        raise QueryError("no")

    last = [jobs.start("photos", "sync", steps(gate)).name]
    wait_for_end(jobs, last[0])
    for _ in range(5):
        name = jobs.start("photos", "sync", steps(gate)).name
        wait_for_end(jobs, name)
    assert [job.kind for job in jobs.of("photos")] == ["duplicates", "sync"]
    for _ in range(50):
        wait_for_end(jobs, jobs.start("photos", "tune", failing).name)
    kinds = [job.kind for job in jobs.of("photos")]
    assert kinds[:2] == ["duplicates", "sync"]  # they have results
    assert len(kinds) <= 23  # with 20 that ended without one, and the last


def test_a_job_whose_thread_cannot_start_does_not_seem_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        with pytest.raises(RuntimeError):
            jobs.start("photos", "sync", lambda _: {})
    assert not jobs.of("photos")
    jobs.start("photos", "sync", lambda _: {})  # nothing is in its way
    jobs.close()


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
