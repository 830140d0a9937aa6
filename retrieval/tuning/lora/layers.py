"""Low-rank updates that are put into an open_clip model, and taken out again as deltas of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from peft import LoraConfig, LoraModel
from peft.tuners.lora.layer import Conv2d, Linear
from torch import Tensor, nn
from torch.nn.utils import parametrize

from indexer.errors import TuningError

ADAPTER_NAME = "recall"
POOLING_BY_WEIGHTS = "AttentionPool2d"
"""Pooling of open_clip's ResNets, which passes its layers' weights to a function; it gets no updates."""


class LowRankUpdate(nn.Module):
    """A parametrization that adds a multiple of B A to a weight (Hu et al. 2021, section 4.1).

    It is used for attention weights only. peft's own layer for `nn.MultiheadAttention` (0.21) adds the update of the
    output twice and its gradient once (pull request 3774 of peft), and shifts the weights by a rounding error at each
    call.
    """

    def __init__(self, weight: Tensor, *, rank: int, scale: float) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.lora_A = nn.ParameterDict({ADAPTER_NAME: torch.empty(rank, columns, device=weight.device)})
        self.lora_B = nn.ParameterDict({ADAPTER_NAME: torch.zeros(rows, rank, device=weight.device)})
        nn.init.kaiming_uniform_(self.lora_A[ADAPTER_NAME], a=math.sqrt(5))  # as peft does
        self.scale = scale

    def delta(self) -> Tensor:
        """Return what is added to the weight, shape (rows, columns)."""
        delta: Tensor = self.scale * (self.lora_B[ADAPTER_NAME] @ self.lora_A[ADAPTER_NAME])
        return delta

    def forward(self, weight: Tensor) -> Tensor:
        """Return the updated weight."""
        return weight + self.delta()


def find_targets(model: nn.Module) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the layers that peft updates, and the attention weights (module, parameter) that `LowRankUpdate` does.

    peft updates every Linear, including timm's fused qkv, and every 1 x 1 convolution without groups. `LowRankUpdate`
    does the weights of PyTorch's and open_clip's attention that are plain parameters. Not updated are other
    convolutions, whose updates would not be small, and token tables, positions, norms and projections that are plain
    parameters.
    """
    layers: list[str] = []
    weights: list[tuple[str, str]] = []
    skipped = set[str]()  # modules whose children are not looked at
    for name, module in model.named_modules():
        if any(name.startswith(f"{outer}.") for outer in skipped):
            continue
        if isinstance(module, nn.MultiheadAttention):
            skipped.add(name)  # its output layer is not called as a module
            inputs = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
            weights += [(name, weight) for weight in inputs if getattr(module, weight, None) is not None]
            weights.append((f"{name}.out_proj", "weight"))
        elif type(module).__name__ == POOLING_BY_WEIGHTS:
            skipped.add(name)
        elif isinstance(module, nn.Linear) or (
            type(module) is nn.Conv2d and module.kernel_size == (1, 1) and module.groups == 1
        ):
            layers.append(name)
        elif isinstance(getattr(module, "in_proj_weight", None), nn.Parameter):
            weights.append((name, "in_proj_weight"))
    return layers, weights


class LoraLayers:
    """The low-rank updates of a model's layers; everything else in the model is frozen."""

    def __init__(self, model: nn.Module, *, rank: int, lora_alpha: int, seed: int) -> None:
        """Put updates into the model, which have no effect at first because B is zero.

        Raises:
            TuningError: The model has no layer that can be updated.
        """
        layers, self._weights = find_targets(model)
        if not layers:
            raise TuningError("the encoder has no layer that LoRA can update; choose another encoder")
        model.requires_grad_(requires_grad=False)
        config = LoraConfig(r=rank, lora_alpha=lora_alpha, target_modules=layers, lora_dropout=0.0, bias="none")
        gpus = {parameter.get_device() for parameter in model.parameters() if parameter.is_cuda}
        with torch.random.fork_rng(devices=sorted(gpus)):
            torch.manual_seed(seed)
            self._tuner = LoraModel(cast("Any", model), config, ADAPTER_NAME)
            for name, parameter in self._weights:
                module = model.get_submodule(name)
                update = LowRankUpdate(getattr(module, parameter), rank=rank, scale=lora_alpha / rank)
                parametrize.register_parametrization(module, parameter, update)
        self._model = model

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return the trained parameters, by name."""
        return {name: parameter for name, parameter in self._model.named_parameters() if ".lora_" in name}

    def state(self) -> dict[str, Tensor]:
        """Return copies of the trained parameters, on the CPU."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.parameters().items()}

    @torch.no_grad()
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Set the trained parameters.

        Raises:
            ValueError: Names or shapes are not those of this model.
        """
        parameters = self.parameters()
        shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        if {name: tuple(tensor.shape) for name, tensor in state.items()} != shapes:
            raise ValueError("the updates are of another model or rank")
        for name, tensor in state.items():
            parameters[name].copy_(tensor)

    @torch.no_grad()
    def deltas(self) -> dict[str, Tensor]:
        """Return what the updates add to the model's weights, by the names of the weights in the plain model."""
        deltas = {f"{name}.weight": layer.get_delta_weight(ADAPTER_NAME) for name, layer in self._layers()}
        for name, parameter in self._weights:
            update = cast("Any", self._model.get_submodule(name)).parametrizations[parameter][0]
            deltas[f"{name}.{parameter}"] = update.delta()
        return {name: delta.detach().cpu().float() for name, delta in deltas.items()}

    def remove(self) -> nn.Module:
        """Return the model as it was, without updates."""
        for name, parameter in self._weights:
            module = self._model.get_submodule(name)
            parametrize.remove_parametrizations(module, parameter, leave_parametrized=False)
        plain: nn.Module = self._tuner.unload()
        return plain

    def _layers(self) -> Iterator[tuple[str, Any]]:
        for name, module in self._model.named_modules():
            if isinstance(module, Linear | Conv2d):
                yield name, module


@torch.no_grad()
def add_deltas(model: nn.Module, deltas: dict[str, Tensor], *, alpha: float) -> None:
    """Add a fraction of the deltas to the model's weights."""
    if alpha == 0:
        return  # adding nothing would turn -0 into 0, which changes the fingerprint
    state = dict(model.named_parameters())
    for name, delta in deltas.items():
        weight = state[name]
        weight.add_(delta.to(weight.device, weight.dtype), alpha=alpha)
