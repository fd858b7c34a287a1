"""A cached forward pass of the Llama language model for many rows at once, faster on CPUs than transformers'."""

import torch
import torch.nn.functional as F


class Decoder:
    """Rows are left-padded; each call appends its tokens to the keys and values of a batch."""

    def __init__(self, model):
        self.model, self.config = model, model.config
        self.layers = model.model.layers
        self.head_dim = self.config.hidden_size // self.config.num_attention_heads
        self.groups = self.config.num_key_value_heads

    def start(self, padding: torch.Tensor, room: int) -> None:
        """`padding`: pads before each row's first token [rows]; `room`: tokens a row may hold."""
        rows = len(padding)
        self.padding, self.used = padding, 0
        self.keys = torch.zeros(len(self.layers), rows, self.groups, room, self.head_dim)
        self.values = torch.zeros_like(self.keys)

    @torch.no_grad()
    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens [rows, n] → logits after each row's last token [rows, vocabulary]."""
        rows, n = ids.shape
        start, end = self.used, self.used + n
        places = torch.arange(start, end)
        positions = (places[None] - self.padding[:, None]).clamp(min=0)
        hidden = self.model.model.embed_tokens(ids)
        rotation = self.model.model.rotary_emb(hidden, positions)
        sees = (torch.arange(end)[None, None] <= places[None, :, None]) & (torch.arange(end) >= self.padding[:, None])[:, None]
        sees |= torch.eye(n, end, dtype=torch.bool).roll(start, 1)  # a pad sees itself, so no row is empty
        bias = torch.zeros(rows, 1, n, end).masked_fill_(~sees[:, None], torch.finfo(torch.float32).min)
        for i, layer in enumerate(self.layers):
            hidden = hidden + self.attention(i, layer.self_attn, layer.input_layernorm(hidden), rotation, bias)
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        self.used = end
        return self.model.lm_head(self.model.model.norm(hidden[:, -1]))

    def attention(self, i, block, hidden, rotation, bias):
        rows, n, _ = hidden.shape
        end = self.used + n
        query, key, value = (
            project(hidden).view(rows, n, -1, self.head_dim).transpose(1, 2) for project in (block.q_proj, block.k_proj, block.v_proj)
        )
        query, key = rotated(query, *rotation), rotated(key, *rotation)
        self.keys[i, :, :, self.used : end], self.values[i, :, :, self.used : end] = key, value
        # Queries that share a key head are stacked, so the cache needs no copy.
        query = query.reshape(rows, self.groups, -1, self.head_dim)
        weights = query @ self.keys[i, :, :, :end].mT * self.head_dim**-0.5
        weights = weights.view(rows, -1, n, end) + bias
        weights = F.softmax(weights, -1).view(rows, self.groups, -1, end)
        mixed = (weights @ self.values[i, :, :, :end]).view(rows, -1, n, self.head_dim)
        return block.o_proj(mixed.transpose(1, 2).reshape(rows, n, -1))


def rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, -1)
    return x * cos[:, None] + torch.cat((-second, first), -1) * sin[:, None]
