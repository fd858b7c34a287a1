"""Muon (Jordan et al., 2024): momentum, orthogonalised by a Newton-Schulz iteration, in fp32 for CPUs.

The update is scaled to the root mean square that AdamW has (Liu et al., 2025, "Muon is Scalable for LLM Training"), so both
optimisers use the same learning rate.
"""

import torch


def orthogonalised(stack: torch.Tensor, steps: int = 5) -> torch.Tensor:
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = stack.size(-2) > stack.size(-1)
    x = stack.mT if tall else stack
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr: float, momentum: float = 0.95, weight_decay: float = 0.1):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.nn.Parameter]] = {}
            for param in group["params"]:
                by_shape.setdefault(param.shape, []).append(param)
            for shape, params in by_shape.items():
                updates = []
                for param in params:
                    momentum = self.state[param].setdefault("momentum", torch.zeros_like(param))
                    momentum.lerp_(param.grad, 1 - group["momentum"])
                    updates.append(param.grad.lerp(momentum, group["momentum"]))
                scale = 0.2 * max(shape) ** 0.5
                for param, update in zip(params, orthogonalised(torch.stack(updates)), strict=True):
                    param.mul_(1 - group["lr"] * group["weight_decay"])
                    param.add_(update, alpha=-group["lr"] * scale)
