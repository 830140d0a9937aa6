"""A change of encoder that is interrupted, or happens while other processes use the library."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from indexer.errors import EncoderMismatchError
from indexer.types import Progress, Vectors
from retrieval import Library
from tests.support.color_photos import PALETTE, paint_many
from tests.support.encoders import FakeEncoder
from tests.support.related_encoders import RELATED_FINGERPRINT, CopiedEncoder, RelatedEncoder, encoder_states


def test_an_interrupted_change_keeps_the_old_encoder_and_continues(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)

    def stop(progress: Progress) -> None:
        if progress.stage == "encoding a sample" and progress.done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.use_encoder(RelatedEncoder(), progress=stop)
    assert encoder_states(library) == [("fake/colours", True, 40, 0), ("fake/turned", False, 8, 0)]
    assert not any(hit.approximate for hit in library.search("red", k=40))
    encoder = RelatedEncoder()
    assert library.use_encoder(encoder).approximate == 28
    assert sum(encoder.pictures) == 4  # 8 of 12 were committed before


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("stage", ["encoding a sample", "approximating", "re-encoding"])
def test_a_kill_in_any_stage_loses_nothing(tmp_path: Path, folder: Path, stage: str) -> None:
    paint_many(folder, 40)
    path = tmp_path / "killed.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
    code = (
        "import os, signal, sys\n"
        "from indexer.maintenance.reencode import switch\n"
        "from retrieval import Library\n"
        "from tests.support.related_encoders import RelatedEncoder\n"
        "switch.SAMPLE_SIZE = 12\n"
        "def kill(progress):\n"
        f"    if progress.stage == {stage!r} and progress.done >= 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Library.open(sys.argv[1]) as library:\n"
        "    library.use_encoder(RelatedEncoder(), progress=kill)\n"
        "    library.sync(progress=kill)\n"
    )
    root = Path(__file__).resolve().parents[3]
    result = subprocess.run([sys.executable, "-c", code, path], cwd=root, timeout=120, check=False)
    assert result.returncode == -signal.SIGKILL
    with Library.open(path) as library:
        active = next(encoder.name for encoder in library.encoders() if encoder.is_active)
        assert active == ("fake/turned" if stage == "re-encoding" else "fake/colours")
        library.use_encoder(RelatedEncoder())
        assert library.sync().approximate == 0
        assert encoder_states(library) == [("fake/turned", True, 40, 0)]
        assert library.check() == []


def test_an_interrupted_change_fits_a_map_for_a_kind_added_since(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)

    def stop(progress: Progress) -> None:
        if progress.stage == "approximating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.use_encoder(RelatedEncoder(), progress=stop)
    for number in range(20):
        (folder / f"{number}.txt").write_text(f"{PALETTE[number % 6]} number {number}")
    library.sync(folder)
    assert set(library.use_encoder(RelatedEncoder()).agreement) == {"photo", "text"}


def test_a_library_opened_with_an_encoder_refuses_to_use_another(changed: Library, folder: Path) -> None:
    with Library.open(changed.name, encoder=FakeEncoder(name="fake/turned", fingerprint=RELATED_FINGERPRINT)) as other:
        changed.use_encoder(FakeEncoder())
        with pytest.raises(EncoderMismatchError, match="recall encoder use fake/turned"):
            other.search("red")  # it was opened with this encoder, so it must not use another


class InterruptedEncoder(FakeEncoder):
    """Calls `change` while it encodes a query."""

    change: Callable[[], object] | None = None

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        vectors = super().encode_texts(texts)
        if self.change:
            self.change()
        return vectors


@pytest.mark.parametrize("new", [RelatedEncoder, CopiedEncoder])
def test_a_query_encoded_before_a_change_is_not_compared_with_new_vectors(
    library: Library, folder: Path, new: type[FakeEncoder]
) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    encoder = InterruptedEncoder()
    with Library.open(library.name, encoder=encoder) as other:
        assert other.search("red", k=3)
        encoder.change = lambda: library.use_encoder(new())
        with pytest.raises(EncoderMismatchError, match=new().name):
            other.search("red", k=3)
