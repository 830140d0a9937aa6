"""A large JPEG is decoded at reduced size, and the prepared pixels are nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.encoders import load_encoder
from indexer.images import Limits, open_picture, prepare, read_photo, read_pixels
from indexer.images.color import apply_orientation, orient_box
from indexer.images.decoders import decode
from indexer.images.formats import PictureFormat
from indexer.types import Preprocess, ResizeMode
from tests.support.pictures import cat, encoded, exif_block, quadrants

MODES: tuple[ResizeMode, ...] = ("shortest", "longest", "squash")


def camera_jpeg(photo: Path, size: tuple[int, int], *, seed: int) -> bytes:
    """Return a photo as a JPEG of this size, with noise in place of the detail that enlarging does not add."""
    with Image.open(photo) as opened:
        picture = opened.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    noise = np.random.default_rng(seed).normal(0, 4, (size[1], size[0], 1)).astype(np.int16)
    return encoded(Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)), "JPEG", quality=90)


@pytest.mark.parametrize(
    ("size", "reduced", "box"),
    [
        ((4000, 3000), (500, 375), (500, 375)),  # an eighth: 375 is more than 1.6 * 224
        ((2400, 1800), (600, 450), (600, 450)),  # a quarter: an eighth would be 225 rows
        ((1003, 802), (502, 401), (501.5, 401)),  # a half, whose last pixel is half padding
        ((500, 375), (500, 375), (500, 375)),
    ],
)
def test_a_jpeg_is_reduced_as_far_as_the_encoders_side_allows(
    size: tuple[int, int], reduced: tuple[int, int], box: tuple[float, float]
) -> None:
    content = encoded(quadrants(*size), "JPEG")
    decoded = decode(content, picture_format=PictureFormat.JPEG, limits=Limits(), min_side=224)
    assert decoded.picture.size == reduced
    assert decoded.box == (0.0, 0.0, *box)
    assert (decoded.width, decoded.height) == size


def test_a_reduced_photo_keeps_its_declared_size(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded(quadrants(4000, 3000), "JPEG", exif=exif_block(orientation=6)))
    metadata = read_photo(file, preprocess=Preprocess(224)).metadata
    assert (metadata.width, metadata.height) == (3000, 4000)
    assert open_picture(file)[0].size == (3000, 4000)  # opened at full size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", MODES)
def test_a_reduced_jpeg_of_each_orientation_gives_nearly_the_same_pixels(mode: ResizeMode, orientation: int) -> None:
    photo = cat().resize((2995, 1993), Image.Resampling.BICUBIC)  # neither side is divisible by four
    content = encoded(photo, "JPEG", quality=90, exif=exif_block(orientation=orientation))
    preprocess = Preprocess(224, mode)
    whole = prepare(open_picture(content)[0], preprocess).astype(int)
    reduced = read_pixels(content, preprocess=preprocess).astype(int)
    # .24 to .27 here; .6 and more if the padding of the last pixels is not cut off
    assert np.abs(whole - reduced).mean() < 0.4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_box_of_each_orientation_excludes_the_padding(orientation: int) -> None:
    picture = Image.new("RGB", (8, 6), (255, 255, 255))
    picture.paste((0, 0, 0), (0, 0, 5, 4))
    left, top, right, bottom = orient_box((0, 0, 5, 4), picture.size, orientation)
    oriented = np.asarray(apply_orientation(picture, orientation))
    assert not oriented[int(top) : int(bottom), int(left) : int(right)].any()
    assert (oriented == 0).all(axis=2).sum() == (right - left) * (bottom - top) == 20


@pytest.mark.parametrize(
    "name", ["hubble_deep_field.jpg", "retina.jpg"]
)  # 1000 x 872 and 1411 x 1411: decoded at half size
def test_a_jpeg_decoded_at_half_size_has_nearly_the_same_embedding(skimage_photos: Path, name: str) -> None:
    encoder = load_encoder("compact", device="cpu")
    whole = prepare(open_picture(skimage_photos / name)[0], encoder.preprocess)
    reduced = read_pixels(skimage_photos / name, preprocess=encoder.preprocess)
    assert 0 < np.abs(whole.astype(int) - reduced).mean() < 1  # of 255
    full, fast = encoder.encode_images(np.stack([whole, reduced]))
    assert full @ fast >= 0.999


def test_reduced_photos_of_12_megapixels_have_nearly_the_same_embeddings(skimage_photos: Path) -> None:
    encoder = load_encoder("compact", device="cpu")
    full_size, reduced = [], []
    for seed, name in enumerate(("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")):
        for size in ((4000, 3000), (4029, 3021)):  # divisible by eight, and not
            content = camera_jpeg(skimage_photos / name, size, seed=seed)
            full_size.append(prepare(open_picture(content)[0], encoder.preprocess))
            reduced.append(read_pixels(content, preprocess=encoder.preprocess))
    full, fast = (encoder.encode_images(np.stack(pixels)) for pixels in (full_size, reduced))
    cosines = (full * fast).sum(axis=1)
    assert cosines.min() >= 0.995, cosines  # .9975 and more here
