"""The stages of the training in order, each taken from the work folder where an earlier run has finished it."""

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
from training.compact import export
from training.compact.align import AlignPlan, Heads, train_heads
from training.compact.corpus import broader, collect, imagenet_prompts, read_lines, wordnet_nouns
from training.compact.data import Role, TrainingPhoto, hash_photos, read_sets, roles
from training.compact.distil import DistilPlan, distil
from training.compact.final_stage import move_to_broader, with_drawings
from training.compact.finetune import FinetuneData, FinetunePlan, Towers, finetune
from training.compact.folding import fold_batch_norm
from training.compact.graphs import write_graphs
from training.compact.pairs import Pairs, Rows, pair_up
from training.compact.stage_cache import Work, key_of
from training.compact.student import Tokens, new_text_tower, teacher_table, tokenize
from training.compact.synthetic import drawings
from training.compact.teacher import TextTeacher, image_teacher
from training.compact.views import Cached, Front, Tail, cache_view, load_view, pool_maps, pool_pictures

logger = logging.getLogger(__name__)

HEADS_FIRST = FinetunePlan(epochs=8, batch=1024, each=2, share=0.5, tail=False, rate=5e-4, table_rate=2e-4)
"""Text tower and image head over unchanged features: cheap."""

ALL_TOGETHER = FinetunePlan(
    epochs=11, batch=384, each=2, share=0.4, tail=True, rate=3e-4, table_rate=1e-4, tail_rate=2e-4
)
"""The image tower's last blocks too: four fifths of the time."""


HEADS_LAST = FinetunePlan(
    epochs=6, batch=1024, each=2, share=0.5, tail=False, rate=3e-4, table_rate=3e-4, keep=2.0, wide=1024
)
"""Text tower and image head again, over the features as they are now, with drawings and broader words."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what comes out, besides the data and the seed.

    Attributes:
        views: Numbers of the cached views, see `views.view_of`.
        distil: How the text tower is distilled.
        align: How the first heads are found.
        rounds: How both towers are trained together, one after the other.
        last: The round after them, with drawings and broader words; None leaves it out.
        drawings: Pictures that no camera took, in that round.
        broader: How far in that round a noun moves towards what all of its sort are, 0 to 1.
        without: Names of sets whose photos are not trained on (for ablations).
    """

    views: tuple[int, ...] = (0, 1, 2)
    distil: DistilPlan = field(default_factory=DistilPlan)
    align: AlignPlan = field(default_factory=AlignPlan)
    rounds: tuple[FinetunePlan, ...] = (HEADS_FIRST, ALL_TOGETHER)
    last: FinetunePlan | None = HEADS_LAST
    drawings: int = 540
    broader: float = 0.6
    without: tuple[str, ...] = ()


class Training:
    """One training run; every property is a stage that is made once and kept in the work folder."""

    def __init__(self, data: Path, work: Path, *, wordnet: Path, seed: int, plan: Plan) -> None:
        """Read the captioned sets.

        Args:
            data: Folder of captioned sets and `text/captions.txt`.
            work: Folder for what the stages make, 4 GB.
            wordnet: Folder that holds WordNet's data.noun.
            seed: For everything random.
            plan: How long and how fast.
        """
        self._work, self._seed, self._plan = Work(work), seed, plan
        self.photos: list[TrainingPhoto] = read_sets(data)
        self._names = [photo.key for photo in self.photos]
        self._roles = roles(
            self.photos, self._work.array("hashes", key_of(self._names), lambda: hash_photos(self.photos))
        )
        kept = (Role.TRAIN, Role.DROPPED)  # a dropped photo's words may be learnt as words
        taught = [photo for photo, role in zip(self.photos, self._roles, strict=True) if role in kept]
        extra = read_lines(data / "text" / "captions.txt")
        self._nouns = wordnet_nouns(wordnet)
        self.lines = collect(taught, extra, self._nouns, seed=seed)
        counts = len(self.photos), len(self.rows(Role.TRAIN)), len(self.lines)
        logger.info("%d photos, %d of them to train on, and %d lines of text", *counts)

    def rows(self, role: Role) -> Rows:
        """Return the rows of the photos with a role, ascending; sets that the plan leaves out are not trained on."""
        left_out = self._plan.without if role is Role.TRAIN else ()
        return np.flatnonzero(
            [found is role and photo.set not in left_out for photo, found in zip(self.photos, self._roles, strict=True)]
        )

    @cached_property
    def image_tower(self) -> nn.Module:
        """The image teacher with its norms folded; its last blocks are what `towers` trains."""
        return fold_batch_norm(image_teacher())

    @cached_property
    def text_teacher(self) -> TextTeacher:
        """The sentence model."""
        return TextTeacher()

    @cached_property
    def views(self) -> tuple[Cached, ...]:
        """The cached views of all photos."""
        return tuple(load_view(self._view(number)) for number in self._plan.views)

    def _view(self, number: int) -> Path:
        def make(prefix: Path) -> None:
            front, tail = Front(self.image_tower), Tail(self.image_tower)
            cache_view(self.photos, front, tail, number=number, seed=self._seed, prefix=prefix)

        return self._work.prefix("view", number, key_of(self._names, number, self._seed), make)

    @cached_property
    def tokens(self) -> Tokens:
        """The corpus in tokens."""
        return tokenize(self.lines)

    @cached_property
    def taught(self) -> NDArray[np.float16]:
        """The sentence model's vectors of the corpus, shape (lines, 384)."""
        return self._work.array(
            "teacher", key_of(self.lines), lambda: self.text_teacher.encode(self.lines).astype(np.float16)
        )

    @cached_property
    def classes(self) -> Vectors:
        """The sentence model's unit vectors of the ImageNet classes, shape (1000, 384)."""
        prompts = imagenet_prompts()
        flat = [line for group in prompts for line in group]
        vectors = self._work.array("classes", key_of(prompts), lambda: self.text_teacher.encode(flat))
        mean = vectors.reshape(len(prompts), -1, vectors.shape[1]).mean(axis=1)  # (1000, 384)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)

    def distilled(self) -> dict[str, Any]:
        """Return the state of the text tower after distillation."""

        def make() -> dict[str, Any]:
            torch.manual_seed(self._seed)
            tower = new_text_tower()
            with torch.no_grad():
                tower.token_embedding.weight.copy_(torch.from_numpy(table))
            return distil(tower, self.tokens, self.taught, self._plan.distil, seed=self._seed)

        table = self._work.array("table", key_of("teacher_table"), lambda: teacher_table(self.text_teacher))
        return self._work.state("distil", key_of(self.lines, asdict(self._plan.distil), self._seed), make)

    def heads(self) -> Heads:
        """Return the first heads."""
        pairs = pair_up(self.photos, self.rows(Role.TRAIN), {line: row for row, line in enumerate(self.lines)})
        plan, views = self._plan.align, self.views
        key = key_of(self._names, self.lines, self._plan.views, asdict(plan), self._seed, *self._plan.without)
        state = self._work.state(
            "align",
            key,
            lambda: train_heads(
                np.stack([view.pooled for view in views]),
                self.taught,
                pairs,
                classes=self.classes,
                classifier=self._classifier(),
                plan=plan,
                seed=self._seed,
            ),
        )
        heads = Heads(state["mean"], state["std"])
        heads.load_state_dict(state)
        return heads

    def _classifier(self) -> nn.Linear:
        return self.image_tower.get_submodule("classifier").requires_grad_(requires_grad=False)  # type: ignore[return-value]

    def towers(self) -> Towers:
        """Return both towers after all rounds of training together."""
        heads = self.heads()
        towers = Towers(Tail(self.image_tower))
        towers.begin(self.distilled(), *heads.image_head(), heads.text.weight, heads.scale)
        lessons = self._lessons(heads)
        done: list[object] = [self._names, self.lines, asdict(self._plan), self._seed]
        done[2] = [self._plan.views, asdict(self._plan.distil), asdict(self._plan.align), *self._plan.without]
        for number, plan in enumerate(self._plan.rounds):
            done.append(asdict(plan))
            self._round(f"finetune{number}", key_of(*done), towers, lessons, plan)
        if self._plan.last is not None:
            done += [asdict(self._plan.last), self._plan.drawings, self._plan.broader]
            lessons = self._last_lessons(towers, lessons, heads, key_of(*done[:-3]))
            self._round("last", key_of(*done), towers, lessons, self._plan.last)
        return towers

    def _round(self, stage: str, key: str, towers: Towers, lessons: FinetuneData, plan: FinetunePlan) -> None:
        make = partial(finetune, towers, lessons, plan, seed=self._seed)
        towers.load_state_dict(self._work.state(stage, key, make))

    def pairs(self) -> Pairs:
        """Return the training photos with their lines."""
        return pair_up(self.photos, self.rows(Role.TRAIN), {line: row for row, line in enumerate(self.lines)})

    def _lessons(self, heads: Heads) -> FinetuneData:
        pooled = np.stack([view.pooled for view in self.views])
        with torch.inference_mode():
            anchors = heads.texts(torch.from_numpy(self.taught).float()).half().numpy()
            classes = heads.texts(torch.from_numpy(self.classes)).numpy()
        return FinetuneData(
            views=self.views,
            before=pooled,
            features=pooled,
            judged=np.ones(len(self.photos), dtype=bool),
            pairs=self.pairs(),
            tokens=self.tokens,
            anchors=anchors,
            classes=classes,
            classifier=self._classifier(),
        )

    def _last_lessons(self, towers: Towers, lessons: FinetuneData, heads: Heads, key: str) -> FinetuneData:
        def anchor(lines: list[str]) -> Vectors:
            with torch.inference_mode():
                return np.asarray(heads.texts(torch.from_numpy(self.text_teacher.encode(lines))).numpy())

        made = drawings(self._plan.drawings, seed=self._seed)
        pictures, front = [drawing.picture for drawing in made], Front(self.image_tower)
        drawn = [pool_pictures(front, towers.tail, pictures, number=n, seed=self._seed) for n in self._plan.views]
        now = self._work.array(
            "features", key, lambda: np.stack([pool_maps(towers.tail, view.maps) for view in self.views])
        )
        broad = broader(self._nouns)
        numbers = {line: number for number, line in enumerate(self.lines)}
        wide = anchor(sorted(set(broad.values()))) if broad else lessons.classes[:0]
        moved = move_to_broader(lessons.anchors, numbers, broad, wide, share=self._plan.broader)
        return with_drawings(
            replace(lessons, anchors=moved), made,
            photos=self.photos, rows=self.rows(Role.TRAIN), features=now, drawn=np.stack(drawn),
            lines=self.lines, anchor=anchor,
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """Return the folder after writing the trained model into it."""
        towers = self.towers()
        state = export.assemble(towers.text, self.image_tower, towers.head, towers.scale)
        export.write(folder, export.config_of(towers.text), state)
        write_graphs(folder)
        return folder
