"""The text tower: its fast forward pass, its first token table, and distillation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.compact import tiny_text_tower
from training.compact import student
from training.compact.distil import DistilPlan, distil


def test_the_fast_forward_pass_equals_open_clips() -> None:
    tower = tiny_text_tower().eval()
    tokens = torch.from_numpy(student.tokenize(["a dog", "two people walk along the sea at night", ""]))
    with torch.inference_mode():
        fast, reference = student.embed(tower, tokens), tower(tokens)
    cosines = nn.functional.cosine_similarity(fast, reference, dim=-1)
    assert cosines.min() > 0.999  # bfloat16 on CPUs with AMX, otherwise equal


def test_a_token_table_keeps_similarities_and_has_the_given_width() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    vectors[1] = vectors[0] + 0.01
    table = student.project_to_table(vectors, width=4)
    assert table.shape == (50, 4)
    assert table.std() == pytest.approx(student.TABLE_STD, rel=0.01)
    distances = np.linalg.norm(table - table[0], axis=1)
    assert distances.argsort()[1] == 1


def test_distillation_brings_a_tower_to_its_teacher() -> None:
    lines = [f"{number} {thing}" for number, thing in itertools.product(("one", "two", "many"), ("dogs", "cats"))]
    tokens = student.tokenize(lines)
    targets = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0][:6].astype(np.float32)
    tower = tiny_text_tower()
    before = (student.embed_all(tower, tokens) * targets).sum(axis=1).mean()
    distil(tower, tokens, targets, DistilPlan(epochs=60, batch=6, rate=1e-2, table_rate=1e-2), seed=0)
    after = (student.embed_all(tower, tokens) * targets).sum(axis=1).mean()
    assert before < 0.5
    assert after > 0.9
