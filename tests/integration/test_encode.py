"""`encode`, `encode_pictures` and `similarity` of every encoder: texts and pictures of any kind become vectors."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.adapter import AdaptedEncoder, Adapter, LowRankAdapter
from indexer.encoders.base import Encoder
from indexer.errors import EncoderError, FailureKind, PictureError
from indexer.images import read_pixels
from retrieval import FullEncoder, Library, load_encoder
from tests.support.contents import Place
from tests.support.encoders import FakeEncoder
from tests.support.pictures import encoded

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def square(color: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (12, 9), color)


@pytest.fixture
def colours(library_place: Place) -> Iterator[FullEncoder]:
    """Return the encoder of a library that was opened with an object of somebody's own."""
    with Library.open(library_place, encoder=FakeEncoder()) as library:
        yield library.encoder


@pytest.fixture(scope="module")
def compact() -> FullEncoder:
    return load_encoder("compact", device="cpu")


def test_encode_and_encode_pictures_of_compact_give_the_vectors_of_the_towers(
    compact: FullEncoder, skimage_photos: Path
) -> None:
    photos = [skimage_photos / name for name in ("chelsea.png", "coffee.png")]
    pixels = np.stack([read_pixels(photo, preprocess=compact.preprocess) for photo in photos])

    np.testing.assert_allclose(compact.encode_pictures(photos), compact.encode_images(pixels), atol=1e-6)
    np.testing.assert_allclose(compact.encode(["a cat", "a dog"]), compact.encode_texts(["a cat", "a dog"]), atol=1e-6)
    cosines = compact.similarity(compact.encode(["a cat", "a cup of coffee"]), compact.encode(photos))
    assert cosines.shape == (2, 2)
    assert cosines.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("input_", ["a cat", Path("chelsea.png")], ids=["text", "picture"])
def test_one_input_gives_one_vector_and_a_list_gives_rows(
    compact: FullEncoder, skimage_photos: Path, input_: str | Path
) -> None:
    value = input_ if isinstance(input_, str) else skimage_photos / input_

    assert compact.encode(value).shape == (384,)
    assert compact.encode([value]).shape == (1, 384)
    np.testing.assert_allclose(compact.encode(value), compact.encode([value])[0], atol=1e-6)


def test_no_input_gives_no_rows(colours: FullEncoder) -> None:
    for vectors in (colours.encode([]), colours.encode_pictures([]), colours.encode_pictures(iter(()))):
        assert vectors.shape == (0, 3)
        assert vectors.dtype == np.float32


def test_texts_and_pictures_may_be_mixed_and_come_from_an_iterator(colours: FullEncoder) -> None:
    inputs: list[Any] = ["green", square(RED), encoded(square(BLUE), "PNG"), "red", np.full((4, 5, 3), GREEN, np.uint8)]

    vectors = colours.encode(iter(inputs), batch_size=2)

    np.testing.assert_allclose(vectors, np.eye(3)[[1, 0, 2, 0, 1]], atol=1e-6)


class OtherPath:
    """A path of another class than pathlib's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def pictures(folder: Path) -> dict[str, Any]:
    """Return a red picture in every form that is accepted."""
    file = folder / "red.png"
    content = encoded(square(RED), "PNG")
    file.write_bytes(content)
    return {
        "path": file,
        "str": str(file),
        "fspath": OtherPath(file),
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "pil": Image.open(file),
        "palette": square(RED).convert("P"),
        "rgb": np.full((5, 4, 3), RED, np.uint8),
        "rgba": np.full((5, 4, 4), (*RED, 255), np.uint8),
        "strides": np.full((10, 8, 3), RED, np.uint8)[::2, ::-2],
    }


def test_a_picture_of_any_form_is_encoded(colours: FullEncoder, tmp_path: Path) -> None:
    for form, picture in pictures(tmp_path).items():
        np.testing.assert_allclose(colours.encode_pictures(picture), [1, 0, 0], atol=1e-6, err_msg=form)
        np.testing.assert_allclose(colours.encode_pictures([picture] * 2), [[1, 0, 0]] * 2, atol=1e-6, err_msg=form)
        if form != "str":
            np.testing.assert_allclose(colours.encode(picture), [1, 0, 0], atol=1e-6, err_msg=form)


def test_gray_arrays_are_pictures_and_an_array_of_four_axes_has_several(colours: FullEncoder) -> None:
    gray = np.full((5, 4), 90, np.uint8)
    both = np.stack([np.full((5, 4, 3), color, np.uint8) for color in (BLUE, GREEN)])

    np.testing.assert_allclose(colours.encode_pictures([gray, gray[:, :, None]]), np.full((2, 3), 3**-0.5), atol=1e-6)
    np.testing.assert_allclose(colours.encode_pictures(both), [[0, 0, 1], [0, 1, 0]], atol=1e-6)


def test_pictures_are_turned_upright_as_in_indexing(compact: FullEncoder, skimage_photos: Path) -> None:
    upright = Image.open(skimage_photos / "chelsea.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif.tobytes())

    np.testing.assert_array_equal(compact.encode_pictures(turned), compact.encode_pictures(upright))


def test_a_transparent_picture_is_blended_with_white(colours: FullEncoder) -> None:
    clear = np.zeros((4, 4, 4), np.uint8)
    np.testing.assert_allclose(colours.encode_pictures(clear), np.full(3, 3**-0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", FailureKind.EMPTY),
        (b"hello", FailureKind.NOT_A_PICTURE),
        (encoded(square(RED), "PNG")[:40], FailureKind.DAMAGED),
    ],
)
def test_a_picture_that_cannot_be_decoded_is_named(
    colours: FullEncoder, tmp_path: Path, content: bytes, kind: FailureKind
) -> None:
    file = tmp_path / "bad.png"
    file.write_bytes(content)
    pictures: list[Any] = [square(RED), content, file]

    with pytest.raises(PictureError, match=r"^pictures\[1\] cannot be encoded: ") as caught:
        colours.encode_pictures(pictures)
    assert caught.value.kind == kind
    with pytest.raises(PictureError, match=r"^inputs\[3\] \(.*bad\.png\) cannot be encoded: "):
        colours.encode(["red", "green", square(RED), file], batch_size=1)
    with pytest.raises(PictureError, match=rf"^{file} cannot be encoded: "):
        colours.encode_pictures(file)


def test_missing_files_and_folders_are_named(colours: FullEncoder, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"nowhere\.jpg cannot be encoded: the file does not exist"):
        colours.encode_pictures(tmp_path / "nowhere.jpg")
    with pytest.raises(PictureError, match="cannot be encoded: it is a folder"):
        colours.encode_pictures(str(tmp_path))


def test_an_array_without_pixels_is_refused(colours: FullEncoder) -> None:
    with pytest.raises(PictureError, match=r"pictures\[0\] cannot be encoded: the array has no pixels"):
        colours.encode_pictures([np.zeros((0, 4, 3), np.uint8)])


@pytest.mark.parametrize(
    "input_",
    [3, None, ["red", 3], [["red"]], {"red": 1}, np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros(3)],
    ids=repr,
)
def test_what_is_neither_text_nor_picture_is_a_type_error(colours: FullEncoder, input_: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        colours.encode(input_)


def test_an_array_of_strings_has_texts(colours: FullEncoder) -> None:
    np.testing.assert_allclose(colours.encode(np.array(["red", "blue"])), [[1, 0, 0], [0, 0, 1]], atol=1e-6)


def test_options_of_sentence_transformers_that_change_nothing_are_accepted(colours: FullEncoder) -> None:
    vectors = colours.encode(["red"], show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True)
    np.testing.assert_allclose(vectors, [[1, 0, 0]])
    for options in ({"convert_to_tensor": True}, {"normalize_embeddings": False}, {"prompt": "a"}):
        with pytest.raises(TypeError, match="encode got "):
            colours.encode(["red"], **options)
    with pytest.raises(ValueError, match="batch size is 0"):
        colours.encode(["red"], batch_size=0)


def test_vectors_that_are_not_finite_are_an_error(library_place: Place) -> None:
    with (
        Library.open(library_place, encoder=FakeEncoder(unusable=(BLUE,))) as library,
        pytest.raises(EncoderError, match=r"not finite for inputs\[1\]"),
    ):
        library.encoder.encode([square(RED), square(BLUE)])


def test_similarity_is_the_cosine_of_each_pair(colours: FullEncoder) -> None:
    a = np.array([[2, 0, 0], [0, 3, 3]])
    b: list[list[float]] = [[1, 0, 0], [0, 1, 0], [0, -5, 0], [0, 0, 0]]

    cosines = colours.similarity(a, b)

    np.testing.assert_allclose(cosines, [[1, 0, 0, 0], [0, 0.5**0.5, -(0.5**0.5), 0]], atol=1e-6)
    assert cosines.dtype == np.float32
    assert colours.similarity(a[0], b[0]).shape == (1, 1)
    assert colours.similarity(np.zeros((0, 3)), b).shape == (0, 4)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), (1.0, [1.0]), (np.zeros((1, 2, 3)), np.zeros((2, 3)))])
def test_vectors_whose_shapes_do_not_fit_are_refused(colours: FullEncoder, a: Any, b: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        colours.similarity(a, b)


def test_an_encoder_of_somebody_keeps_its_class_and_its_attributes(library_place: Place) -> None:
    own = FakeEncoder(name="mine")
    with Library.open(library_place, encoder=own) as library:
        encoder: Any = library.encoder
        assert library.encoder is encoder
        assert isinstance(encoder, FakeEncoder)
        assert isinstance(encoder, Encoder)
        assert encoder == own
        encoder.encode("red")
        assert own.texts == encoder.texts == ["red"]
        encoder.context = 1
        assert own.context == 1
        with pytest.raises(AttributeError, match="nothing"):
            _ = library.encoder.nothing
        for copied in (copy.copy(encoder), pickle.loads(pickle.dumps(encoder))):  # noqa: S301
            assert copied.encode("blue").tolist() == [0, 0, 1]
    with Library.open(library_place, encoder=encoder) as library:
        assert library.encoder is encoder


def test_an_encoder_with_an_adapter_encodes_too(compact: FullEncoder) -> None:
    down = np.ones((384, 1), np.float32)
    adapted = AdaptedEncoder(compact, Adapter(text=LowRankAdapter(down, np.zeros((1, 384), np.float32))))
    np.testing.assert_allclose(adapted.encode("a cat"), compact.encode("a cat"), atol=1e-6)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_encodes_pictures_as_its_parent_does(colours: FullEncoder, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(encoded(square(RED), "PNG"))
    colours.encode_pictures(file)
    child = os.fork()
    if child == 0:  # pragma: no cover
        os._exit(0 if colours.encode_pictures(file).argmax() == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_allclose(colours.encode_pictures(file), [1, 0, 0])


def test_a_frozen_app_starts_no_process_for_a_picture(
    tmp_path: Path, library_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(encoded(square(RED), "PNG"))
    with Library.open(library_place, encoder=FakeEncoder()) as library:
        library.sync(file)
        hits = library.search("red")
        monkeypatch.setattr("sys.frozen", True, raising=False)
        monkeypatch.setattr("sys.executable", str(tmp_path / "no-interpreter"))
        monkeypatch.setattr("indexer.images.workers.worker._SPARE", [])
        np.testing.assert_allclose(library.encoder.encode([file, file.read_bytes()]), [[1, 0, 0]] * 2)
        assert "data:image/jpeg" in hits._repr_html_()
