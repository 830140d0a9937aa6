"""One LoRA training: the model with its updates, the optimizer, and the current state."""

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
from retrieval.tuning.lora.gradients import backward_in_chunks
from retrieval.tuning.lora.inputs import TrainingInputs, embed_photos
from retrieval.tuning.lora.layers import LoraLayers
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.objective import drift, judged_loss
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.lora.training_steps import TrainingStep, epoch_steps


class LoraTrainer:
    """Trains the updates of an encoder's model, and removes them at the end.

    Attributes:
        losses: Validation losses, before training and after each epoch; training losses if there is no validation.
    """

    def __init__(
        self,
        encoder: OpenClipEncoder,
        inputs: TrainingInputs,
        validation: TrainingInputs | None,
        *,
        photos: PhotoReader,
        plan: LoraPlan,
        save: Callable[[Checkpoint], None],
    ) -> None:
        """Put the updates into the encoder's model; `finish` takes them out."""
        self._encoder, self._inputs, self._validation = encoder, inputs, validation
        self._photos, self._plan, self._save = photos, plan, save
        self._model = encoder.model
        self._requires_grad = {name: parameter.requires_grad for name, parameter in self._model.named_parameters()}
        self._layers = LoraLayers(self._model, rank=plan.rank, lora_alpha=plan.lora_alpha, seed=plan.seed)
        self._parameters = self._layers.parameters()
        self._optimizer = torch.optim.AdamW(list(self._parameters.values()), lr=plan.rate, weight_decay=0.0)
        self._device = self._model.logit_scale.device
        self._best = self._layers.state()
        self._steps = 0
        self.losses: list[float] = []

    @property
    def best_epoch(self) -> int:
        """The epoch whose updates are the result."""
        if self._validation is None:
            return len(self.losses)
        return int(np.argmin(self.losses))

    def train(self, checkpoint: Checkpoint | None, progress: ProgressCallback | None) -> None:
        """Train from the beginning or a checkpoint to the last epoch, or until validation stops improving.

        Raises:
            TuningError: The loss is not finite, or a photo can no longer be read.
            OSError: A checkpoint cannot be written.
        """
        if checkpoint is None or not self._resume(checkpoint):
            self.losses = [] if self._validation is None else [self._validation_loss(self._validation)]
        first = len(self.losses) if self._validation is None else len(self.losses) - 1
        for epoch in range(first, self._plan.epochs):
            if self._validation is not None and len(self.losses) - 1 - self.best_epoch >= self._plan.patience:
                return
            loss = self._train_epoch(epoch, progress)
            self.losses.append(loss if self._validation is None else self._validation_loss(self._validation))
            if self._validation is None or self.best_epoch == len(self.losses) - 1:
                self._best = self._layers.state()
            self._save(Checkpoint(self._layers.state(), self._best, self._moments(), self._steps, tuple(self.losses)))

    def finish(self) -> dict[str, Tensor]:
        """Take the updates out of the model, and return what the best epoch adds to its weights."""
        self._layers.load_state(self._best)
        deltas = self._layers.deltas()
        plain = self._layers.remove()
        for name, parameter in plain.named_parameters():
            parameter.requires_grad_(self._requires_grad[name])
        return deltas

    def _train_epoch(self, epoch: int, progress: ProgressCallback | None) -> float:
        """Return the mean loss of an epoch."""
        inputs, plan = self._inputs, self._plan
        steps = epoch_steps(
            inputs.labels,
            inputs.negatives,
            plan,
            epoch=epoch,
            unjudged=range(inputs.judged, len(inputs.frozen.paths)),
            prompts=len(inputs.frozen.prompts),
        )
        total, losses = plan.epochs * len(steps), []
        for number, step in enumerate(steps):
            self._optimizer.param_groups[0]["lr"] = plan.rate * (1 + math.cos(math.pi * self._steps / total)) / 2
            losses.append(self._train_step(step))
            self._steps += 1
            if progress:
                progress(Progress("training", epoch * len(steps) + number + 1, total))
        return float(np.mean(losses))

    def _train_step(self, step: TrainingStep) -> float:
        """Return the loss of a step, after updating the parameters."""
        inputs, frozen = self._inputs, self._inputs.frozen
        rows = [*step.photos, *(row for row in step.drift_photos if row not in set(step.photos))]
        paths = [frozen.paths[row] for row in rows]
        decoded = dict(self._photos.stream(paths))
        self._photos.require(paths, decoded)  # otherwise an incomplete epoch would be stored as a complete one
        labels = inputs.labels[np.ix_(step.queries, step.photos)]
        texts = [inputs.queries[number].text for number in step.queries]
        texts += [prompts()[number] for number in step.drift_prompts]
        before = [frozen.prompts[list(step.drift_prompts)], frozen.photos[rows[len(step.photos) :]]]
        pixels = torch.from_numpy(np.stack([decoded[path] for path in paths]))
        self._optimizer.zero_grad(set_to_none=True)
        loss = backward_in_chunks(
            [(self._text_tower, self._encoder.tokens(texts)), (self._image_tower, pixels)],
            partial(
                self._loss,
                labels=torch.from_numpy(labels).to(self._device),
                before=[torch.from_numpy(vectors).to(self._device) for vectors in before],
            ),
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

    def _loss(self, outputs: Sequence[Tensor], *, labels: Tensor, before: Sequence[Tensor]) -> Tensor:
        """Return the loss of a step.

        Args:
            outputs: Outputs of the text tower and the image tower: queries or labelled photos first, then those whose
                drift is measured.
            labels: Shape (queries, photos).
            before: Unit vectors of the latter before training, texts and photos.
        """
        texts, images = (nn.functional.normalize(output, dim=-1) for output in outputs)
        queries, photos = labels.shape
        loss = judged_loss(texts[:queries], images[:photos], labels, scale=self._scale(), bias=self._bias())
        total_drift = drift(texts[queries:], before[0]) + drift(images[photos:], before[1])
        return loss + self._plan.drift_weight * self._scale() * total_drift

    def _scale(self) -> Tensor:
        scale: Tensor = self._model.logit_scale.detach().exp().reshape(())
        return scale

    def _bias(self) -> Tensor | None:
        bias: Tensor | None = getattr(self._model, "logit_bias", None)
        return None if bias is None else bias.detach().reshape(())

    def _text_tower(self, tokens: Tensor) -> Tensor:
        output: Tensor = self._model.encode_text(tokens)
        return output

    def _image_tower(self, pixels: Tensor) -> Tensor:
        mean, std = (
            torch.tensor(channels, device=self._device).view(1, 3, 1, 1)
            for channels in (self._encoder.preprocess.mean, self._encoder.preprocess.std)
        )
        values = pixels.to(self._device).permute(0, 3, 1, 2).float().div(255)  # (b, 3, s, s)
        output: Tensor = self._model.encode_image((values - mean) / std)
        return output

    def _precision(self) -> AbstractContextManager[object]:
        if self._device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()  # float16 would need scaled losses; CPUs are slower in bfloat16

    def _validation_loss(self, validation: TrainingInputs) -> float:
        """Return the loss over all judged photos of the validation queries."""
        paths = validation.frozen.paths
        vectors = embed_photos(self._encoder, self._photos, paths, chunk=self._plan.chunk, progress=None)
        self._photos.require(paths, vectors)
        texts = self._encoder.encode_texts([query.text for query in validation.queries])
        bias = self._bias()
        return float(
            judged_loss(
                torch.from_numpy(texts),
                torch.from_numpy(np.stack([vectors[path] for path in paths])),
                torch.from_numpy(validation.labels),
                scale=self._scale().cpu(),
                bias=None if bias is None else bias.cpu(),
            )
        )

    def _moments(self) -> dict[str, Tensor]:
        """Return copies of the optimizer's moments, see `Checkpoint`."""
        moments = {}
        for name, parameter in self._parameters.items():
            state: dict[str, Any] = self._optimizer.state.get(parameter, {})
            for prefix, key in (("1.", "exp_avg"), ("2.", "exp_avg_sq")):
                if key in state:
                    moments[prefix + name] = state[key].detach().cpu().clone()
        return moments

    def _resume(self, checkpoint: Checkpoint) -> bool:
        """Restore the state of a checkpoint; return False if it is of another model."""
        try:
            self._layers.load_state(checkpoint.best)
            self._layers.load_state(checkpoint.current)
        except ValueError:
            return False
        for name, parameter in self._parameters.items():
            if f"1.{name}" in checkpoint.moments and f"2.{name}" in checkpoint.moments:
                self._optimizer.state[parameter] = {
                    "step": torch.tensor(float(checkpoint.steps)),
                    "exp_avg": checkpoint.moments[f"1.{name}"].to(parameter),
                    "exp_avg_sq": checkpoint.moments[f"2.{name}"].to(parameter),
                }
        self._best, self._steps, self.losses = checkpoint.best, checkpoint.steps, list(checkpoint.losses)
        return True
