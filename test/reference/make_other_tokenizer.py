"""A golden file of a language model and a reward model with different tokenizers: data/golden/retokenized/{reward,golden.json}.

    python make_other_tokenizer.py

The language model is that of the pair "biased", byte-level; the reward model reads the text in tokens of SentencePiece's kind. A
reward is that of the whole text, tokenized anew by the reward model's own tokenizer: the prompt, then the text of the reply so far
and the candidate, without special tokens, and without a character whose bytes are not complete.
"""

import shutil
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification
from transformers.utils import logging

from make_golden import ROOT, SETTINGS, Pair, decode_case, golden, telling, write
from random_pairs import PROMPTS, perturb

TOKENIZER = Path(__file__).parents[1] / "src/models/checkpoint/tokenizer/tokenizers/bytes"


class RetokenizedPair(Pair):
    def __init__(self, lm: Path, reward: Path):
        super().__init__(lm, reward)
        self.own = AutoTokenizer.from_pretrained(reward)

    def rewards(self, sequences):
        return torch.cat([super(RetokenizedPair, self).rewards([self.retokenized(ids)]) for ids in sequences])

    def retokenized(self, ids):
        text = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return self.own(text.rstrip("\ufffd"))["input_ids"]


def save_reward(folder: Path, seed: int):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TOKENIZER / name, folder / name)
    sizes = {"hidden_size": 24, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    vocab = len(AutoTokenizer.from_pretrained(folder))
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "num_labels": 1}
    model = LlamaForSequenceClassification(LlamaConfig(vocab_size=vocab, max_position_embeddings=1024, **sizes, **ends))
    perturb(model, torch.Generator().manual_seed(seed))
    model.save_pretrained(folder)


def main():
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    folder = ROOT / "data/golden/retokenized"
    for seed in range(500, 700):
        save_reward(folder / "reward", seed)
        pair = RetokenizedPair(ROOT / "data/golden/biased/lm", folder / "reward")
        cases = []
        for prompt_id, prompt in PROMPTS.items():
            for setting in SETTINGS:
                case = decode_case(pair, prompt_id, prompt, 14, setting)
                if case is None:
                    break
                cases.append(case)
        if telling(cases):
            covers = "another tokenizer for the reward: byte-level beside SentencePiece's kind; F32"
            return write(folder / "golden.json", golden(pair, "retokenized", covers, "../biased/lm", "reward", 14, cases))
    raise SystemExit("no seed keeps the margin")


if __name__ == "__main__":
    main()
