"""How surprising each token was to chat-lm, as a lesson for a reward model's upper layers; the heads that read it are thrown away."""

import torch

from tree import Tree

WEIGHT = 0.5
UNIT, MOST = 3.0, 12.0  # nats


class Surprise:
    def __init__(self, lm, width: int):
        self.lm = lm.eval()
        for param in lm.parameters():
            param.requires_grad_(False)
        self.heads = torch.nn.Linear(width, 2)  # of the token, and the mean over the reply up to it

    @torch.no_grad()
    def targets(self, trees: list[Tree], inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Both surprises in units of UNIT nats, and where each is known: float and bool [trees, length, 2]."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        rows, length = ids.shape
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.lm.model(ids, attention_mask=mask, position_ids=inputs["position_ids"], use_cache=False).last_hidden_state
            parents = torch.zeros(rows, length, dtype=torch.long)
            known = torch.zeros(rows, length, 2, dtype=torch.bool)
            for i, tree in enumerate(trees):
                parents[i, : len(tree.parents)] = torch.tensor(tree.parents).clamp(min=0)
                known[i, 1 : len(tree.tokens), 0] = True
                known[i, tree.root : len(tree.tokens), 1] = True
            logits = self.lm.lm_head(hidden.gather(1, parents[..., None].expand(-1, -1, hidden.size(-1)))).float()
        own = (logits.logsumexp(-1) - logits.gather(2, ids[..., None])[..., 0]).clamp(max=MOST) / UNIT
        replies = (mask[:, 0] == 0) & known[:, None, :, 1]  # which tokens of the reply a token sees, itself included
        mean = (replies * own[:, None]).sum(-1) / replies.sum(-1).clamp(min=1)
        return torch.stack((own, mean), -1), known

    def loss(self, hidden: torch.Tensor, trees: list[Tree], inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """`hidden`: of the reward model's last layer, [trees, length, width]."""
        wanted, known = self.targets(trees, inputs)
        return WEIGHT * (self.heads(hidden) - wanted)[known].square().mean()
