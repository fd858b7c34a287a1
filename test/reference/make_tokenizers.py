"""Small tokenizers of every kind and what transformers makes of awkward texts, for test/src/models/checkpoint/tokenizer/tokenizers.test.ts.

    python make_tokenizers.py

words: byte-level BPE split at GPT-2's words; pattern: at one of its own, as Llama 3 has it; bytes: BPE over characters with
byte tokens for the rest, as Llama 2 has it; metaspace: the same over NFKC, by Metaspace; prefix: byte-level BPE that begins with a
space, over NFC, split at digits and punctuation first, as Falcon has it; split: BPE split in the other ways that there are;
unigram: with SentencePiece's table of characters, as XLM-RoBERTa and T5 have it; unigramBytes: with byte tokens; wordpiece: as
BERT has it; cased: without lower case; vocab: as "words", of vocab.json and merges.txt as OPT has them; wordlist: of vocab.txt.

expected.json: texts[] with text, ids (special tokens around), plainIds, cutIds (an initial part, perhaps within a character),
kept and skipped (text of cutIds with and without special tokens), chat (of one user message); random[] with ids and text; spaces:
[id, how many times] of an "a", 10,000 spaces and a "b".
"""

import io
import json
import random
import tempfile
from itertools import groupby
from pathlib import Path

from sentencepiece import SentencePieceTrainer, sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

TARGET = Path(__file__).parents[1] / "src/models/checkpoint/tokenizer/tokenizers"
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
    "a<|end|>b</s>c <pad> d breads bread, xbread",
    "\x00\x07\x1b\x7f",
    "<0x41> literal bytes ▁ and Ġ",
    "?!... --- ''' \"\"",
    "\u202eשלום\u202c, مرحبا ٣٤٥",
    "ΟΔΟΣ Σ. İstanbul ẞ ǅ Ⅷ",
    "𠀀𪜎 中文，ok。 ｆｕｌｌ",
    "ﬁn ～ ① o\u0301\u0323\u0327\u0336z ½m",
    "  two   three\u3000\u3000wide  ",
    "3.14,15!!a_b (c)-[d] 7th $5+5=10^2 `~|<>",
    "the the<pad>the<|begin|>the",
    "x" * 101,
    "\ufffd \ue000 \U0010ffff",
]
SPACES = "a" + " " * 10_000 + "b"
SPECIALS = ["<|begin|>", "<|end|>"]
BYTES = [f"<0x{i:02X}>" for i in range(256)]
CONFIGS = {
    "pattern": {"pad_token": "<pad>"},
    "vocab": {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "unk_token": "<|end|>", "add_prefix_space": False},
    "wordlist": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
}
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


def byte_level(pre_tokenizer=None, normalizer=None, **model) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainer(pre_tokenizers.ByteLevel.alphabet()))
    return around(tokenizer)


def pattern() -> Tokenizer:
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer = byte_level(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        ), ignore_merges=True,
    )  # fmt: skip
    tokenizer.add_tokens([AddedToken("<pad>", lstrip=True, rstrip=True, special=False)])
    return tokenizer


def prefix() -> Tokenizer:
    parts = [pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(individual_digits=True)]
    parts += [pre_tokenizers.ByteLevel(add_prefix_space=True), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]
    return byte_level(pre_tokenizers.Sequence(parts), normalizers.NFC())


def split() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Whitespace(),
            pre_tokenizers.Punctuation("merged_with_previous"),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Split("r", "merged_with_next"),
            pre_tokenizers.Split(Regex("[^e]e"), "merged_with_previous", invert=True),
        ]
    )
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    specials = ["<unk>", *SPECIALS]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=90, special_tokens=specials, end_of_word_suffix="</w>"))
    return around(tokenizer)


def characters(pre_tokenizer=None, normalizer=None) -> Tokenizer:
    """BPE over characters with byte tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainer([], ["<unk>", *SPECIALS, *BYTES]))
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] not in BYTES]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return around(tokenizer)


def bytes_() -> Tokenizer:
    return characters(normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]))


def metaspace() -> Tokenizer:
    tokenizer = characters(pre_tokenizers.Metaspace("▁", "first", split=False), normalizers.NFKC())
    tokenizer.add_tokens([AddedToken("<pad>", normalized=True), AddedToken("bread", single_word=True, normalized=False)])
    return tokenizer


def charsmap() -> bytes:
    """A table as SentencePiece's nmt_nfkc, but of a few rows."""
    rules = "FF5E\t7E\nFB01\t66 69\n2460\t31\n65 301\tE9\n3000\t20\n9\t20\nA\t20\nD\t20\nA0\t20\n7\t\nBD\t31 2044 32\n"
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        table.write(rules)
        table.flush()
        limits = {"vocab_size": 40, "hard_vocab_limit": False, "minloglevel": 2}
        SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS * 4), model_writer=model, normalization_rule_tsv=table.name, **limits
        )
    return sentencepiece_model_pb2.ModelProto.FromString(model.getvalue()).normalizer_spec.precompiled_charsmap


def unigram(fallback=False) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    collapse = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = None if fallback else normalizers.Sequence([normalizers.Precompiled(charsmap()), collapse])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "never" if fallback else "always", split=True)
    specials = ["<unk>", *SPECIALS, *(BYTES if fallback else [])]
    learn = trainers.UnigramTrainer(vocab_size=70 + len(specials), special_tokens=specials, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, learn)
    if fallback:
        content = json.loads(tokenizer.to_str())
        content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] not in BYTES]
        content["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(content))
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace("▁", "never")])
    else:
        tokenizer.decoder = decoders.Metaspace("▁", "always")
    return around(tokenizer, end=not fallback)


def wordpiece(lowercase=True) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SPECIALS]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=110, special_tokens=specials, show_progress=False))
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ids)
    return tokenizer


def trainer(alphabet, specials=SPECIALS) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=len(alphabet) + len(specials) + 60, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )


def around(tokenizer: Tokenizer, end=False) -> Tokenizer:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A <|end|>" if end else "<|begin|> $A",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in SPECIALS],
    )
    return tokenizer


def write(name: str, tokenizer: Tokenizer) -> None:
    folder = TARGET / name
    folder.mkdir(parents=True, exist_ok=True)
    # One special token as a string and one as an object; "<pad>" is special by its name only.
    end = {"__type": "AddedToken", "content": "<|end|>", "special": True}
    config = {"tokenizer_class": "TokenizersBackend", "bos_token": "<|begin|>", "eos_token": end, "chat_template": TEMPLATE}
    config |= CONFIGS.get(name, {})
    if config["tokenizer_class"] == "TokenizersBackend":
        tokenizer.save(str(folder / "tokenizer.json"))
    else:
        tokenizer.model.save(str(folder))
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
    spaces = [[token, len(list(same))] for token, same in groupby(tokenizer.encode(SPACES))]
    return {"texts": texts, "random": [{"ids": ids, "text": text(ids, True)} for ids in draws], "spaces": spaces}


def dump(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    random.seed(7)
    kinds = {"words": byte_level, "pattern": pattern, "bytes": bytes_, "metaspace": metaspace, "prefix": prefix, "split": split}
    kinds |= {"unigram": unigram, "unigramBytes": lambda: unigram(True), "wordpiece": wordpiece}
    kinds |= {"cased": lambda: wordpiece(False), "vocab": byte_level, "wordlist": lambda: wordpiece(False)}
    for name, make in kinds.items():
        write(name, make())
