"""Three small tokenizers and what transformers makes of awkward texts with them, for test/src/models/checkpoint/loadCodec.test.ts.

    python make_tokenizers.py

words: byte-level BPE split at GPT-2's words, as the embedded models have it; pattern: byte-level BPE split at a pattern of its
own, as Llama 3 has it; bytes: BPE over characters with byte tokens for the rest, as Llama 2 has it.

expected.json: texts[] with text, ids (special tokens around), plainIds, cutIds (an initial part, perhaps within a character),
kept and skipped (text of cutIds with and without special tokens), chat (of one user message); random[] with ids and text.
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

TARGET = Path(__file__).parents[1] / "src/models/checkpoint/tokenizers"
CORPUS = [
    "\n\nHuman: How do I bake bread that stays soft for 12 days?\n\nAssistant: You'll need good flour; don't hurry it.",
    "\n\nHuman: Is there a café in the old town? It's raining.\n\nAssistant: There are 3, and they're all open.",
]
TEXTS = [
    "",
    " ",
    "Hello there",
    "\n\nHuman: Can I?\n\nAssistant:",
    "I'll they're it's DON'T don't",
    "tabs\tand\r\nCRLF\r\n\r\n  end  ",
    "e\u0301 and \u00e9, n\u0303o\u0308\u0323",
    "👩‍👩‍👧 👍🏽 🇨🇭 😀",
    "日本語 кириллица עברית",
    "12345 1 22 333 ½ ²",
    "\u00a0no\u2028break\u3000wide\u200b",
    "\ufeffmark, next\u0085line: \u0085\ufeff!",
    "a<|end|>b</s>c <pad> d",
    "\x00\x07\x1b\x7f",
    "<0x41> literal bytes ▁ and Ġ",
    "?!... --- ''' \"\"",
]
SPECIALS = ["<|begin|>", "<|end|>"]
# Line ends of the source are kept by the block tags as Jinja does with trim_blocks and lstrip_blocks.
TEMPLATE = (
    "{%- if tools is not none %}tools{% endif %}\n"
    "{%- set ns = namespace(turns=0) %}\n"
    "{{- bos_token }}\n"
    "    {% for message in messages %}\n"
    "{{- loop.index ~ ':' ~ message.role + ':' + message['content'] + eos_token }}\n"
    "    {% set ns.turns = ns.turns + 1 %}\n"
    "  {% endfor %}\n"
    "{% if add_generation_prompt %}{{ ns.turns }} {% for i in range(2) %}{{ i }}{% endfor %} open{% endif %}\n"
)


def words() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainer(pre_tokenizers.ByteLevel.alphabet()))
    around(tokenizer)
    return tokenizer


def pattern() -> Tokenizer:
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainer(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken("<pad>", lstrip=True, rstrip=True, special=False)])
    around(tokenizer)
    return tokenizer


def bytes_() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.train_from_iterator(CORPUS, trainer([], ["<unk>", *SPECIALS, *(f"<0x{i:02X}>" for i in range(256))]))
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    around(tokenizer)
    return tokenizer


def trainer(alphabet, specials=SPECIALS) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=len(alphabet) + len(specials) + 60, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )


def around(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))]
    )


def write(name: str, tokenizer: Tokenizer) -> None:
    folder = TARGET / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    # One special token as a string and one as an object; "<pad>" is special by its name only.
    end = {"__type": "AddedToken", "content": "<|end|>", "special": True}
    config = {"tokenizer_class": "TokenizersBackend", "bos_token": "<|begin|>", "eos_token": end, "chat_template": TEMPLATE}
    config |= {"pad_token": "<pad>"} if name == "pattern" else {}
    dump(folder / "tokenizer_config.json", config)
    dump(folder / "expected.json", expected(AutoTokenizer.from_pretrained(folder)))


def expected(tokenizer) -> dict:
    def text(ids, skip):
        return tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)

    texts = []
    for given in TEXTS:
        plain = tokenizer.encode(given, add_special_tokens=False)
        cut = plain[: len(plain) * 2 // 3]
        chat = tokenizer.apply_chat_template([{"role": "user", "content": given}], tokenize=False, add_generation_prompt=True)
        ids = {"ids": tokenizer.encode(given), "plainIds": plain, "cutIds": cut}
        texts.append({"text": given, **ids, "kept": text(cut, False), "skipped": text(cut, True), "chat": chat})
    draws = [[random.randrange(len(tokenizer)) for _ in range(10)] for _ in range(20)]
    return {"texts": texts, "random": [{"ids": ids, "text": text(ids, True)} for ids in draws]}


def dump(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    random.seed(7)
    for name, make in {"words": words, "pattern": pattern, "bytes": bytes_}.items():
        write(name, make())
