"""The stages of the training in order; finished stages are read from the work folder."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from indexer.types import Vectors
from training.compact.align import AlignPlan, Heads, train_heads
from training.compact.corpus import collect_lines, find_broader_lines, imagenet_prompts, read_lines, wordnet_nouns
from training.compact.distil import DistilPlan, distil
from training.compact.final_stage import add_drawings, move_to_broader
from training.compact.finetune import FinetuneData, FinetunePlan, Towers, finetune
from training.compact.folding import fold_batch_norm
from training.compact.graphs import write_graphs
from training.compact.open_clip_folder import assemble_state, model_config, write_folder
from training.compact.pairs import Pairs, Rows, make_pairs
from training.compact.photo_sets import Role, TrainingPhoto, assign_roles, hash_photos, read_sets
from training.compact.stage_cache import StageCache, stage_key
from training.compact.student import Tokens, new_text_tower, teacher_table, tokenize
from training.compact.synthetic import make_drawings
from training.compact.teacher import TextTeacher, image_teacher
from training.compact.views import CachedView, Front, Tail, cache_view, load_view, pool_maps, pool_pictures

logger = logging.getLogger(__name__)

HEADS_FIRST = FinetunePlan(epochs=8, batch=1024, captions=2, labelled_share=0.5, tail=False, rate=5e-4, table_rate=2e-4)
"""Text tower and image head on unchanged features: fast."""

ALL_TOGETHER = FinetunePlan(
    epochs=11, batch=384, captions=2, labelled_share=0.4, tail=True, rate=3e-4, table_rate=1e-4, tail_rate=2e-4
)
"""The image tower's last blocks too: four fifths of the time."""

HEADS_LAST = FinetunePlan(
    epochs=6, batch=1024, captions=2, labelled_share=0.5, tail=False, rate=3e-4, table_rate=3e-4, anchor_weight=2.0,
    corpus_lines=1024,
)  # fmt: skip
"""Text tower and image head again, on the new features, with drawings and broader lines."""


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """Everything that determines the result, besides the data and the seed.

    Attributes:
        views: Numbers of the cached views, see `views.make_view`.
        distil: The settings of the distillation.
        align: The settings of the alignment.
        rounds: The rounds in which both towers are trained together, in order.
        last: The round after them, with drawings and broader lines; None leaves it out.
        drawings: Number of drawings in that round.
        broader: How far a noun moves towards its broader line in that round, 0 to 1.
        without: Names of sets whose photos are not trained on, for ablations.
    """

    views: tuple[int, ...] = (0, 1, 2)
    distil: DistilPlan = field(default_factory=DistilPlan)
    align: AlignPlan = field(default_factory=AlignPlan)
    rounds: tuple[FinetunePlan, ...] = (HEADS_FIRST, ALL_TOGETHER)
    last: FinetunePlan | None = HEADS_LAST
    drawings: int = 540
    broader: float = 0.6
    without: tuple[str, ...] = ()


class Pipeline:
    """One training run. Each stage is computed once, and its result is stored in the work folder."""

    def __init__(self, data: Path, work: Path, *, wordnet: Path, seed: int, plan: PipelinePlan) -> None:
        """Read the captioned sets.

        Args:
            data: Folder of captioned sets and `text/captions.txt`.
            work: Folder for the results of the stages, 4 GB.
            wordnet: Folder that contains WordNet's data.noun.
            seed: Seed of everything random.
            plan: The settings.
        """
        self._cache, self._seed, self._plan = StageCache(work), seed, plan
        self.photos: list[TrainingPhoto] = read_sets(data)
        self._keys = [photo.key for photo in self.photos]
        hashes = self._cache.array("hashes", stage_key(self._keys), lambda: hash_photos(self.photos))
        self._roles = assign_roles(self.photos, hashes)
        roles_with_text = (Role.TRAIN, Role.DROPPED)  # the captions of a dropped photo may be trained on as texts
        text_photos = [photo for photo, role in zip(self.photos, self._roles, strict=True) if role in roles_with_text]
        extra = read_lines(data / "text" / "captions.txt")
        self._nouns = wordnet_nouns(wordnet)
        self.lines = collect_lines(text_photos, extra, self._nouns, seed=seed)
        counts = len(self.photos), len(self.rows(Role.TRAIN)), len(self.lines)
        logger.info("%d photos, %d of them to train on, and %d lines of text", *counts)

    def rows(self, role: Role) -> Rows:
        """Return the rows of the photos with a role, ascending, without the sets that the plan leaves out."""
        left_out = self._plan.without if role is Role.TRAIN else ()
        photos = zip(self.photos, self._roles, strict=True)
        return np.flatnonzero([own_role is role and photo.set not in left_out for photo, own_role in photos])

    @cached_property
    def image_tower(self) -> nn.Module:
        """The image teacher with its norms folded; `towers` trains its last blocks."""
        return fold_batch_norm(image_teacher())

    @cached_property
    def text_teacher(self) -> TextTeacher:
        """The sentence model."""
        return TextTeacher()

    @cached_property
    def views(self) -> tuple[CachedView, ...]:
        """The cached views of all photos."""
        return tuple(load_view(self._view(number)) for number in self._plan.views)

    def _view(self, number: int) -> Path:
        def compute(prefix: Path) -> None:
            front, tail = Front(self.image_tower), Tail(self.image_tower)
            cache_view(self.photos, front, tail, number=number, seed=self._seed, prefix=prefix)

        return self._cache.prefix("view", number, stage_key(self._keys, number, self._seed), compute)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the corpus, shape (lines, context)."""
        return tokenize(self.lines)

    @cached_property
    def teacher_vectors(self) -> NDArray[np.float16]:
        """The sentence model's vectors of the corpus, shape (lines, 384)."""
        return self._cache.array(
            "teacher", stage_key(self.lines), lambda: self.text_teacher.encode(self.lines).astype(np.float16)
        )

    @cached_property
    def classes(self) -> Vectors:
        """The sentence model's unit vectors of the ImageNet classes, shape (1000, 384)."""
        prompts = imagenet_prompts()
        lines = [line for group in prompts for line in group]
        vectors = self._cache.array("classes", stage_key(prompts), lambda: self.text_teacher.encode(lines))
        mean = vectors.reshape(len(prompts), -1, vectors.shape[1]).mean(axis=1)  # (1000, 384)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)

    def distilled(self) -> dict[str, Any]:
        """Return the state of the text tower after distillation."""

        def compute() -> dict[str, Any]:
            torch.manual_seed(self._seed)
            tower = new_text_tower()
            with torch.no_grad():
                tower.token_embedding.weight.copy_(torch.from_numpy(table))
            return distil(tower, self.tokens, self.teacher_vectors, self._plan.distil, seed=self._seed)

        table = self._cache.array("table", stage_key("teacher_table"), lambda: teacher_table(self.text_teacher))
        return self._cache.state("distil", stage_key(self.lines, asdict(self._plan.distil), self._seed), compute)

    def heads(self) -> Heads:
        """Return the heads after alignment."""
        plan = self._plan.align
        key = stage_key(self._keys, self.lines, self._plan.views, asdict(plan), self._seed, *self._plan.without)

        def compute() -> dict[str, Any]:
            features = np.stack([view.pooled for view in self.views])
            return train_heads(
                features, self.teacher_vectors, self.pairs(), classes=self.classes, classifier=self._classifier(),
                plan=plan, seed=self._seed,
            )  # fmt: skip

        state = self._cache.state("align", key, compute)
        heads = Heads(state["mean"], state["std"])
        heads.load_state_dict(state)
        return heads

    def _classifier(self) -> nn.Linear:
        return self.image_tower.get_submodule("classifier").requires_grad_(requires_grad=False)  # type: ignore[return-value]

    def towers(self) -> Towers:
        """Return both towers after all rounds of training together."""
        plan, heads = self._plan, self.heads()
        towers = Towers(Tail(self.image_tower))
        towers.load_aligned(self.distilled(), *heads.image_head(), heads.text.weight, heads.scale)
        data = self._finetune_data(heads)
        settings = [plan.views, asdict(plan.distil), asdict(plan.align), *plan.without]
        history: list[object] = [self._keys, self.lines, settings, self._seed]  # determines the towers
        for number, finetune_plan in enumerate(plan.rounds):
            history.append(asdict(finetune_plan))
            self._run_round(f"finetune{number}", stage_key(*history), towers, data, finetune_plan)
        if plan.last is not None:
            data = self._last_data(towers, data, heads, stage_key(*history))
            history += [asdict(plan.last), plan.drawings, plan.broader]
            self._run_round("last", stage_key(*history), towers, data, plan.last)
        return towers

    def _run_round(self, stage: str, key: str, towers: Towers, data: FinetuneData, plan: FinetunePlan) -> None:
        compute = partial(finetune, towers, data, plan, seed=self._seed)
        towers.load_state_dict(self._cache.state(stage, key, compute))

    def pairs(self) -> Pairs:
        """Return the training photos with their lines."""
        return make_pairs(self.photos, self.rows(Role.TRAIN), {line: row for row, line in enumerate(self.lines)})

    def _finetune_data(self, heads: Heads) -> FinetuneData:
        """Return the training data of all rounds but the last."""
        features = np.stack([view.pooled for view in self.views])
        with torch.inference_mode():
            anchors = heads.texts(torch.from_numpy(self.teacher_vectors).float()).half().numpy()
            classes = heads.texts(torch.from_numpy(self.classes)).numpy()
        return FinetuneData(
            views=self.views,
            teacher_features=features,
            features=features,
            has_teacher=np.ones(len(self.photos), dtype=bool),
            pairs=self.pairs(),
            tokens=self.tokens,
            anchors=anchors,
            classes=classes,
            classifier=self._classifier(),
        )

    def _last_data(self, towers: Towers, data: FinetuneData, heads: Heads, key: str) -> FinetuneData:
        """Return the training data of the last round: with drawings, broader lines and the towers' new features."""

        def embed_lines(lines: list[str]) -> Vectors:
            with torch.inference_mode():
                return np.asarray(heads.texts(torch.from_numpy(self.text_teacher.encode(lines))).numpy())

        drawings = make_drawings(self._plan.drawings, seed=self._seed)
        pictures, front = [drawing.picture for drawing in drawings], Front(self.image_tower)
        drawing_features = [
            pool_pictures(front, towers.tail, pictures, number=number, seed=self._seed) for number in self._plan.views
        ]
        features = self._cache.array(
            "features", key, lambda: np.stack([pool_maps(towers.tail, view.maps) for view in self.views])
        )
        broader_lines = find_broader_lines(self._nouns)
        numbers = {line: number for number, line in enumerate(self.lines)}
        broader_vectors = embed_lines(sorted(set(broader_lines.values()))) if broader_lines else data.classes[:0]
        anchors = move_to_broader(data.anchors, numbers, broader_lines, broader_vectors, fraction=self._plan.broader)
        return add_drawings(
            replace(data, anchors=anchors), drawings,
            photos=self.photos, rows=self.rows(Role.TRAIN), features=features,
            drawing_features=np.stack(drawing_features), lines=self.lines, embed_lines=embed_lines,
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """Write the trained model into a folder, and return it."""
        towers = self.towers()
        state = assemble_state(towers.text, self.image_tower, towers.head, towers.scale)
        write_folder(folder, model_config(towers.text), state)
        write_graphs(folder)
        return folder
