"""One training: the model with its updates, the optimizer, and where it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import TuningError
from indexer.types import Progress, ProgressCallback
from retrieval.calibration.background import prompts
from retrieval.tuning.lora.checkpoints import Checkpoint
from retrieval.tuning.lora.data import LoraPlan, Photos, Step, steps_of
from retrieval.tuning.lora.gradients import backward_in_chunks
from retrieval.tuning.lora.inputs import Material, look
from retrieval.tuning.lora.layers import LoraLayer
from retrieval.tuning.lora.losses import drift, judged_loss


class Run:
    """One training: the model with its updates, the optimizer, and where it stands."""

    def __init__(
        self,
        encoder: OpenClipEncoder,
        lessons: Material,
        exam: Material | None,
        *,
        photos: Photos,
        plan: LoraPlan,
        save: Callable[[Checkpoint], None],
    ) -> None:
        """Put the updates into the encoder's model; `finish` takes them out."""
        self._encoder, self._lessons, self._exam = encoder, lessons, exam
        self._photos, self._plan, self._save = photos, plan, save
        self._model = encoder.model
        self._grad = {name: each.requires_grad for name, each in self._model.named_parameters()}
        self._low = LoraLayer(self._model, rank=plan.rank, alpha=plan.alpha, seed=plan.seed)
        self._parameters = self._low.parameters()
        self._optimizer = torch.optim.AdamW(list(self._parameters.values()), lr=plan.rate, weight_decay=0.0)
        self._device = self._model.logit_scale.device
        self._best = self._low.read()
        self._steps = 0
        self.losses: list[float] = []

    @property
    def best_epoch(self) -> int:
        """The epoch whose updates are kept."""
        if self._exam is None:
            return len(self.losses)
        return int(np.argmin(self.losses))

    def go(self, stored: Checkpoint | None, progress: ProgressCallback | None) -> None:
        """Train until the last epoch, or until validation has stopped getting better.

        Raises:
            TuningError: The loss is no number any more, or a photo cannot be read any more.
            OSError: A checkpoint cannot be written.
        """
        if stored is None or not self._resume(stored):
            self.losses = [] if self._exam is None else [self._validate(self._exam)]
        first = len(self.losses) if self._exam is None else len(self.losses) - 1
        for epoch in range(first, self._plan.epochs):
            if self._exam is not None and len(self.losses) - 1 - self.best_epoch >= self._plan.patience:
                return
            loss = self._epoch(epoch, progress)
            self.losses.append(loss if self._exam is None else self._validate(self._exam))
            if self._exam is None or self.best_epoch == len(self.losses) - 1:
                self._best = self._low.read()
            self._save(Checkpoint(self._low.read(), self._best, self._moments(), self._steps, tuple(self.losses)))

    def finish(self) -> dict[str, Tensor]:
        """Return what the best epoch adds to the weights, after taking the updates out of the model."""
        self._low.write(self._best)
        changes = self._low.changes()
        plain = self._low.remove()
        for name, each in plain.named_parameters():
            each.requires_grad_(self._grad[name])
        return changes

    def _epoch(self, epoch: int, progress: ProgressCallback | None) -> float:
        material, plan = self._lessons, self._plan
        steps = steps_of(
            material.labels,
            material.mined,
            plan,
            epoch=epoch,
            unjudged=range(material.judged, len(material.frozen.paths)),
            prompts=len(material.frozen.prompts),
        )
        total, losses = plan.epochs * len(steps), []
        for number, step in enumerate(steps):
            self._optimizer.param_groups[0]["lr"] = plan.rate * (1 + math.cos(math.pi * self._steps / total)) / 2
            losses.append(self._step(step))
            self._steps += 1
            if progress:
                progress(Progress("training", epoch * len(steps) + number + 1, total))
        return float(np.mean(losses))

    def _step(self, step: Step) -> float:
        material, encoder = self._lessons, self._encoder
        rows = [*step.photos, *(row for row in step.kept if row not in set(step.photos))]
        wanted = [material.frozen.paths[row] for row in rows]
        read = dict(self._photos.stream(wanted))
        self._photos.require(wanted, read)  # an epoch that lost some would be kept as a whole one
        labels = material.labels[np.ix_(step.queries, step.photos)]
        words = [material.queries[number].text for number in step.queries]
        words += [prompts()[number] for number in step.prompts]
        before = [
            material.frozen.prompts[list(step.prompts)],
            material.frozen.photos[rows[len(step.photos) :]],
        ]
        kept = [torch.from_numpy(each).to(self._device) for each in before]
        self._optimizer.zero_grad(set_to_none=True)
        pixels = torch.from_numpy(np.stack([read[material.frozen.paths[row]] for row in rows]))
        loss = backward_in_chunks(
            [(self._texts, encoder.tokens(words)), (self._images, pixels)],
            partial(self._loss, labels=torch.from_numpy(labels).to(self._device), kept=kept),
            chunk=self._plan.chunk,
            precision=self._precision,
        )
        if not math.isfinite(loss):
            raise TuningError(
                f"training has diverged: the loss is {loss} at step {self._steps + 1}; nothing was changed, use a "
                "lower rate"
            )
        self._optimizer.step()
        return loss

    def _loss(self, found: Sequence[Tensor], *, labels: Tensor, kept: Sequence[Tensor]) -> Tensor:
        texts, images = (nn.functional.normalize(each, dim=-1) for each in found)
        queries, photos = labels.shape
        loss = judged_loss(texts[:queries], images[:photos], labels, scale=self._scale(), bias=self._bias())
        moved = drift(texts[queries:], kept[0]) + drift(images[photos:], kept[1])
        return loss + self._plan.keep * self._scale() * moved

    def _scale(self) -> Tensor:
        scale: Tensor = self._model.logit_scale.detach().exp().reshape(())
        return scale

    def _bias(self) -> Tensor | None:
        bias: Tensor | None = getattr(self._model, "logit_bias", None)
        return None if bias is None else bias.detach().reshape(())

    def _texts(self, tokens: Tensor) -> Tensor:
        found: Tensor = self._model.encode_text(tokens)
        return found

    def _images(self, pixels: Tensor) -> Tensor:
        mean, std = (
            torch.tensor(each, device=self._device).view(1, 3, 1, 1)
            for each in (self._encoder.preprocess.mean, self._encoder.preprocess.std)
        )
        values = pixels.to(self._device).permute(0, 3, 1, 2).float().div(255)  # (b, 3, s, s)
        found: Tensor = self._model.encode_image((values - mean) / std)
        return found

    def _precision(self) -> AbstractContextManager[object]:
        if self._device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()  # float16 would need its losses scaled; a CPU is slower in bfloat16

    def _validate(self, exam: Material) -> float:
        """Return the loss over all judged photos of the validation queries."""
        paths = exam.frozen.paths
        vectors = look(self._encoder, self._photos, paths, chunk=self._plan.chunk, progress=None)
        self._photos.require(paths, vectors)
        texts = self._encoder.encode_texts([query.text for query in exam.queries])
        return float(
            judged_loss(
                torch.from_numpy(texts),
                torch.from_numpy(np.stack([vectors[path] for path in paths])),
                torch.from_numpy(exam.labels),
                scale=self._scale().cpu(),
                bias=None if (bias := self._bias()) is None else bias.cpu(),
            )
        )

    def _moments(self) -> dict[str, Tensor]:
        found = {}
        for name, each in self._parameters.items():
            state: dict[str, Any] = self._optimizer.state.get(each, {})
            for prefix, moment in (("1.", "exp_avg"), ("2.", "exp_avg_sq")):
                if moment in state:
                    found[prefix + name] = state[moment].detach().cpu().clone()
        return found

    def _resume(self, stored: Checkpoint) -> bool:
        """Return whether the run stands where a checkpoint says."""
        try:
            self._low.write(stored.best)
            self._low.write(stored.now)
        except ValueError:
            return False
        for name, each in self._parameters.items():
            if f"1.{name}" in stored.moments and f"2.{name}" in stored.moments:
                self._optimizer.state[each] = {
                    "step": torch.tensor(float(stored.steps)),
                    "exp_avg": stored.moments[f"1.{name}"].to(each),
                    "exp_avg_sq": stored.moments[f"2.{name}"].to(each),
                }
        self._best, self._steps, self.losses = stored.best, stored.steps, list(stored.losses)
        return True
