"""Low-rank updates put into an open_clip model, and taken out again as changes of its weights."""

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

ADAPTER = "recall"
READS_WEIGHTS = "AttentionPool2d"
"""Pooling of open_clip's ResNets, which hands its layers' weights to a function: left alone."""


class Update(nn.Module):
    """What a weight is while it has an update beside it: itself plus a multiple of B A (Hu et al. 2021, section 4.1).

    For attention's weights alone. peft's own layer for `nn.MultiheadAttention` (0.21) adds the update of the output
    twice and its gradient once (its pull request 3774), and moves the weights by a rounding error at each call.
    """

    def __init__(self, weight: Tensor, *, rank: int, scale: float) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.lora_A = nn.ParameterDict({ADAPTER: torch.empty(rank, columns, device=weight.device)})
        self.lora_B = nn.ParameterDict({ADAPTER: torch.zeros(rows, rank, device=weight.device)})
        nn.init.kaiming_uniform_(self.lora_A[ADAPTER], a=math.sqrt(5))  # as peft begins
        self.scale = scale

    def change(self) -> Tensor:
        """Return what is added to the weight, shape (rows, columns)."""
        found: Tensor = self.scale * (self.lora_B[ADAPTER] @ self.lora_A[ADAPTER])
        return found

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with its update."""
        return weight + self.change()


def targets(model: nn.Module) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the names of the layers that peft updates, and of the attention weights (module, parameter) that we do.

    peft: every Linear, timm's fused qkv among them, and every 1 x 1 convolution without groups. Ours: the weights of
    PyTorch's and open_clip's attention that are plain parameters. Left alone: other convolutions, where an update would
    not be small; token tables, positions, norms, and projections that are plain parameters.
    """
    layers: list[str] = []
    weights: list[tuple[str, str]] = []
    closed = set[str]()
    for name, module in model.named_modules():
        if any(name.startswith(f"{outer}.") for outer in closed):
            continue
        if isinstance(module, nn.MultiheadAttention):
            closed.add(name)  # its output layer is not called as a module
            inside = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
            weights += [(name, each) for each in inside if getattr(module, each, None) is not None]
            weights.append((f"{name}.out_proj", "weight"))
        elif type(module).__name__ == READS_WEIGHTS:
            closed.add(name)
        elif isinstance(module, nn.Linear) or (
            type(module) is nn.Conv2d and module.kernel_size == (1, 1) and module.groups == 1
        ):
            layers.append(name)
        elif isinstance(getattr(module, "in_proj_weight", None), nn.Parameter):
            weights.append((name, "in_proj_weight"))
    return layers, weights


class LoraLayer:
    """A model while it has updates beside its layers; all else in it is frozen."""

    def __init__(self, model: nn.Module, *, rank: int, alpha: int, seed: int) -> None:
        """Put updates into the model, of which nothing is seen at the start (B is zero).

        Raises:
            TuningError: It has no layer that could have one.
        """
        layers, self._weights = targets(model)
        if not layers:
            raise TuningError("the encoder has no layer that a low-rank update can be put beside; choose another")
        model.requires_grad_(requires_grad=False)
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers, lora_dropout=0.0, bias="none")
        on_cards = {parameter.get_device() for parameter in model.parameters() if parameter.is_cuda}
        with torch.random.fork_rng(devices=sorted(on_cards)):
            torch.manual_seed(seed)
            self._tuner = LoraModel(cast("Any", model), config, ADAPTER)
            for name, parameter in self._weights:
                module = model.get_submodule(name)
                update = Update(getattr(module, parameter), rank=rank, scale=alpha / rank)
                parametrize.register_parametrization(module, parameter, update)
        self._model = model

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return what is trained, by name."""
        return {name: each for name, each in self._model.named_parameters() if ".lora_" in name}

    def read(self) -> dict[str, Tensor]:
        """Return copies of what is trained, on the CPU."""
        return {name: each.detach().cpu().clone() for name, each in self.parameters().items()}

    @torch.no_grad()
    def write(self, state: dict[str, Tensor]) -> None:
        """Set what is trained.

        Raises:
            ValueError: Names or shapes are not this model's.
        """
        mine = self.parameters()
        shapes = {name: tuple(each.shape) for name, each in mine.items()}
        if {name: tuple(each.shape) for name, each in state.items()} != shapes:
            raise ValueError("the updates are of another model or rank")
        for name, each in state.items():
            mine[name].copy_(each)

    @torch.no_grad()
    def changes(self) -> dict[str, Tensor]:
        """Return what the updates add to the model's weights, by the names that the plain model has for them."""
        found = {f"{name}.weight": layer.get_delta_weight(ADAPTER) for name, layer in self._layers()}
        for name, parameter in self._weights:
            update = cast("Any", self._model.get_submodule(name)).parametrizations[parameter][0]
            found[f"{name}.{parameter}"] = update.change()
        return {name: change.detach().cpu().float() for name, change in found.items()}

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
def add(model: nn.Module, changes: dict[str, Tensor], *, share: float) -> None:
    """Add a share of the changes to the model's weights."""
    if share == 0:
        return  # adding nothing would turn -0 into 0, which is another fingerprint
    state = dict(model.named_parameters())
    for name, change in changes.items():
        weight = state[name]
        weight.add_(change.to(weight.device, weight.dtype), alpha=share)
