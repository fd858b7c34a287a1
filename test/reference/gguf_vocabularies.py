"""Small vocabularies as GGUF files have them: tokens, their kinds, and merges or scores. For make_gguf.py."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CORPUS = [json.loads(line)["prompt"] for line in (Path(__file__).parents[2] / "data/prompts/sample.jsonl").read_text().splitlines()]


def byte_vocabulary(pre: str):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<pad>", "<s>", "</s>", "<|end|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(vocab_size=384, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    data = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(data["vocab"], key=data["vocab"].get) + ["<think>"]
    merges = [" ".join(pair) for pair in data["merges"]]
    return tokens, [3] * len(special) + [1] * (len(tokens) - len(special) - 1) + [4], merges


def piece_vocabulary(gemma: bool):
    special = ["<pad>", "<s>", "</s>", "<unk>", "<|end|>", "<|user|>", "<|assistant|>"]
    words = {}
    for line in CORPUS:
        for word in line.split():
            for end in range(1, min(len(word), 5) + 1):
                words["\u2581" + word[:end]] = words.get("\u2581" + word[:end], 0) + 1
                words[word[:end]] = words.get(word[:end], 0) + 1
    letters = sorted({c for line in CORPUS for c in line.replace(" ", "\u2581")} | {"\u2581"})
    pieces = [piece for piece in sorted(words, key=lambda w: (-words[w], w)) if len(piece) > 1][:200]
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)] + ["\u2581\u2581"] + pieces + letters + ["<think>"]
    tokens = list(dict.fromkeys(tokens))
    kinds = [3] * 7 + [6] * 256 + [1] * (len(tokens) - 264) + [4]
    kinds[3] = 2
    if gemma:
        tokens[tokens.index("\u2581\u2581")] = "  "
    return tokens, kinds, [0.0] * 263 + [-float(i) for i in range(len(tokens) - 263)]
