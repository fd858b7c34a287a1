"""test/pipelines/searches/beam.json: what beam search of transformers gives with data/golden/grouped/lm, in fp32.

    python beam_search.py

    maxNewTokens
    cases[]   beams, lengthPenalty, prompt, its promptTokenIds, tokenIds of the reply (end token kept), and its score: the sum of
              log-probabilities divided by tokens ** lengthPenalty
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
MAX_NEW_TOKENS = 14
SETTINGS = ((2, 1.0), (3, 0.0), (4, 1.0), (4, 2.0), (6, 1.0))
PROMPTS = ("Say", "How far is the moon?", "One\ntwo", "\n\nHuman: Why?\n\nAssistant:", "a b c d e f g")


@torch.no_grad()
def main() -> None:
    folder = ROOT / "data/golden/grouped/lm"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cases = []
    for beams, penalty in SETTINGS:
        for prompt in PROMPTS:
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            options = {"num_beams": beams, "do_sample": False, "early_stopping": False, "length_penalty": penalty}
            found = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=MAX_NEW_TOKENS, return_dict_in_generate=True, **options
            )
            start = ids.shape[1]
            reply = found.sequences[0, start:].tolist()
            ends = [at for at, token in enumerate(reply) if token in model.generation_config.eos_token_id]
            reply = reply[: ends[0] + 1] if ends else reply
            logprobs = model(torch.tensor([ids[0].tolist() + reply])).logits[0].log_softmax(-1)
            score = sum(float(logprobs[start + i - 1, token]) for i, token in enumerate(reply)) / len(reply) ** penalty
            case = {"beams": beams, "lengthPenalty": penalty, "prompt": prompt, "promptTokenIds": ids[0].tolist()}
            cases.append({**case, "tokenIds": reply, "score": round(score, 6)})
    golden = {"maxNewTokens": MAX_NEW_TOKENS, "cases": cases}
    (ROOT / "test/pipelines/searches/beam.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
