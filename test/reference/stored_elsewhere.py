"""Rewrites a checkpoint as other versions of transformers, and the hub, have it."""

import json
import re
from pathlib import Path

from safetensors.torch import load_file, save_file


def as_stored_elsewhere(folder: Path, renamed=(), buffers=None, config=None):
    """
    renamed: pairs of a regular expression and what its matches in tensor names become
    buffers: name -> tensor of what such a version stores beside the weights
    config: fields of config.json that it has instead of others; None takes one away
    """
    file = folder / "model.safetensors"
    tensors = {}
    for name, tensor in load_file(file).items():
        for pattern, replacement in renamed:
            name = re.sub(pattern, replacement, name)
        tensors[name] = tensor
    save_file({**tensors, **(buffers or {})}, file, metadata={"format": "pt"})
    if config:
        path = folder / "config.json"
        fields = {**json.loads(path.read_text()), **config}
        path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}, indent=2) + "\n")
