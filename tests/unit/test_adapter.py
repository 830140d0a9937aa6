"""Adapters: near identity, interpolated, and loaded whole or refused."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.adapter import AdaptedEncoder, Adapter, LowRankAdapter, adapted_fingerprint
from indexer.encoders.base import Encoder
from indexer.errors import EncoderError, EncoderMismatchError
from tests.support.encoders import FakeEncoder

SHEAR = LowRankAdapter(np.array([[1], [0], [0]], dtype=np.float32), np.array([[0, 1, 0]], dtype=np.float32))
"""Adds the first number of a vector to its second."""

FIRST = np.array([[1, 0, 0]], dtype=np.float32)


def test_a_transform_adds_to_the_vector_and_scales_it_to_unit_length() -> None:
    # (1, 0, 0) + (0, 1, 0), divided by the square root of 2
    assert SHEAR(FIRST) == pytest.approx(np.array([[0.70710678, 0.70710678, 0]]))


def test_half_a_transform_adds_half_as_much() -> None:
    half = Adapter(SHEAR).interpolate(0.5).adapt_texts(FIRST)
    assert half == pytest.approx(np.array([[1, 0.5, 0]]) / 1.118033989)  # |(1, .5)| = sqrt(1.25)
    assert Adapter(SHEAR).interpolate(0).adapt_texts(FIRST) == pytest.approx(FIRST)


def test_a_tower_without_a_transform_returns_its_vectors_unchanged() -> None:
    adapter = Adapter(SHEAR)
    assert adapter.adapt_photos(FIRST) is FIRST
    assert not adapter.changes_index
    assert Adapter(None, SHEAR).changes_index
    assert Adapter(None, SHEAR).dim == 3


def test_no_vectors_are_transformed_to_no_vectors() -> None:
    assert Adapter(SHEAR, SHEAR).adapt_photos(np.empty((0, 3), dtype=np.float32)).shape == (0, 3)


@pytest.mark.parametrize("adapter", [Adapter(SHEAR), Adapter(None, SHEAR), Adapter(SHEAR, SHEAR)])
def test_an_adapter_survives_its_bytes(adapter: Adapter) -> None:
    loaded = Adapter.from_bytes(adapter.to_bytes())
    assert loaded.digest == adapter.digest
    assert (loaded.text is None, loaded.photo is None) == (adapter.text is None, adapter.photo is None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"[]\n",
        b'{"text": [3, 1]}\n',
        b'{"text": [-3, -1]}\n' + bytes(24),
        b'{"text": [3000000000, 1]}\n' + bytes(24),
        Adapter(SHEAR).to_bytes()[:-1],
        Adapter(SHEAR).to_bytes() + bytes(4),
        Adapter(SHEAR).to_bytes().replace(b"text", b"tixt"),
        Adapter(SHEAR).to_bytes()[:-4] + np.array([np.nan], dtype="<f4").tobytes(),
    ],
)
def test_damaged_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(EncoderError, match="adapter"):
        Adapter.from_bytes(raw)


def test_matrices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncoderError, match=r"expected \(d, r\) and \(r, d\)"):
        Adapter(LowRankAdapter(SHEAR.down, SHEAR.up[:, :2]))
    with pytest.raises(EncoderError, match=r"expected \(d, r\) and \(r, d\)"):
        Adapter(None)


def test_an_adapted_encoder_has_its_own_fingerprint_and_transformed_vectors() -> None:
    plain = FakeEncoder()
    adapted = AdaptedEncoder(plain, Adapter(SHEAR))
    assert isinstance(adapted, Encoder)
    assert adapted.fingerprint == adapted_fingerprint(plain.fingerprint, Adapter(SHEAR)) != plain.fingerprint
    assert adapted.encode_texts(["red"]) == pytest.approx(SHEAR(plain.encode_texts(["red"])))
    pixels = np.full((1, 8, 8, 3), 200, dtype=np.uint8)
    assert adapted.encode_images(pixels) == pytest.approx(plain.encode_images(pixels))
    assert adapted.fits(["red"]) == [True]


def test_an_adapter_for_vectors_of_another_length_is_refused() -> None:
    five = LowRankAdapter(np.zeros((5, 1), dtype=np.float32), np.zeros((1, 5), dtype=np.float32))
    with pytest.raises(EncoderMismatchError, match="is for vectors of 5 dimensions, but encoder"):
        AdaptedEncoder(FakeEncoder(), Adapter(five))
