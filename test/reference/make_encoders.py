"""Golden files of encoders: what transformers answers for texts and pairs of texts, one at a time, in fp32.

    python make_encoders.py      data/golden/encoders/<name>/{config.json, model.safetensors, tokenizer.json, …, golden.json}
    python make_encoders.py --embedded   the embedded encoder: data/golden/encoder/embeddings.json

A golden JSON:

    covers      which switches the checkpoint is there for
    cases[]
      first     a text; with `second`, a pair of them
      tokenIds, typeIds   what the tokenizer makes of it (typeIds null where it gives the model none)
      mean, cls, pooler   embeddings: mean of all tokens' last hidden states, the first token's, and through the pooler (null where
                          the model has none)
      logits    of a classifier, one a label (null where the model has no such head)
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)
from transformers.utils import logging

OUT = Path(__file__).resolve().parents[2] / "data/golden/encoders"
LONG = " ".join(f"Item {n}: a red box, {n * 7} apples." for n in range(6))
TEXTS = ["How far is the moon?", "Grüße aus Århus: naïve café ☃ 😀, 日本", LONG, "the and that is of to in a for on with it you was"]
CASES = [
    ("How far is the moon?", None),
    ("", None),
    ("Grüße aus Århus: naïve café ☃ 😀, 日本", None),
    ("How far is the moon?", " It is a red box, far from here."),
    ("How far is the moon?", ""),
    ("One <pad> of two", " and <pad>"),  # a token of padding, which has no position in RoBERTa
    (LONG, " 7 apples"),
]


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=280, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )


def template():
    """XLM-R's way: a template of its own, both texts of type 0."""
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


SMALL = {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 40, "num_hidden_layers": 2}
ROBERTA = {**SMALL, "max_position_embeddings": 162, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
LABELS = {0: "toxic", 1: "obscene", 2: "threat"}

ENCODERS = {
    "bert": {
        "covers": "BertModel, bare tensor names, gelu; F32",
        "tokenizer": wordpiece,
        "kind": BertModel,
        "config": BertConfig(**SMALL, max_position_embeddings=160, layer_norm_eps=0.1),
    },
    "bert-masked": {
        "covers": "BertForMaskedLM, LayerNorm.gamma and beta as old checkpoints have them, gelu_new; F32",
        "tokenizer": wordpiece,
        "kind": BertForMaskedLM,
        "config": BertConfig(**SMALL, max_position_embeddings=160, hidden_act="gelu_new"),
        "renamed": {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"},
    },
    "bert-classifier": {
        "covers": "BertForSequenceClassification with one label, relu, three kinds of token; F16",
        "tokenizer": wordpiece,
        "kind": BertForSequenceClassification,
        "config": BertConfig(**SMALL, max_position_embeddings=160, hidden_act="relu", type_vocab_size=3, num_labels=1),
        "dtype": torch.float16,
    },
    "roberta": {
        "covers": "RobertaModel, positions from behind padding's; F32",
        "tokenizer": byte_level,
        "kind": RobertaModel,
        "config": RobertaConfig(**ROBERTA),
    },
    "roberta-classifier": {
        "covers": "RobertaForSequenceClassification with three labels; BF16",
        "tokenizer": byte_level,
        "kind": RobertaForSequenceClassification,
        "config": RobertaConfig(**ROBERTA, id2label=LABELS, label2id={name: index for index, name in LABELS.items()}),
        "dtype": torch.bfloat16,
    },
    "xlm-roberta-classifier": {
        "covers": "XLMRobertaForSequenceClassification, padding's token elsewhere, silu; F32",
        "tokenizer": template,
        "kind": XLMRobertaForSequenceClassification,
        "config": XLMRobertaConfig(**{**ROBERTA, "pad_token_id": 3}, num_labels=1, hidden_act="silu"),
    },
}


@torch.no_grad()
def perturb(model, generator):
    """Random weights of which none can be left out unseen."""
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "LayerNorm.weight" in name:
            weight.copy_(1 + 0.4 * noise)
        elif name.endswith("bias"):
            weight.copy_(0.4 * noise)
        elif "embeddings" in name:
            weight.copy_(noise)
        else:
            weight.copy_(1.5 * noise / weight.shape[1] ** 0.5)


def rounded(values):
    return [round(float(value), 6) for value in values]


@torch.no_grad()
def case_of(folder: Path, first: str, second: str | None):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    # As lists: an empty second text alone would be taken for none.
    inputs = tokenizer([first], None if second is None else [second], return_tensors="pt")
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    body = AutoModel.from_pretrained(folder, **options).eval()
    read = body(**inputs)
    hidden = read.last_hidden_state[0]
    has_pooler = any("pooler" in name for name in load_file(folder / "model.safetensors"))
    logits = None
    if "Classification" in json.loads((folder / "config.json").read_text())["architectures"][0]:
        logits = AutoModelForSequenceClassification.from_pretrained(folder, **options).eval()(**inputs).logits[0]
    types = inputs.get("token_type_ids")
    return {
        "first": first,
        "second": second,
        "tokenIds": inputs["input_ids"][0].tolist(),
        "typeIds": None if types is None else types[0].tolist(),
        "mean": rounded(hidden.mean(dim=0)),
        "cls": rounded(hidden[0]),
        "pooler": rounded(read.pooler_output[0]) if has_pooler else None,
        "logits": None if logits is None else rounded(logits),
    }


def make(name: str, spec, seed: int):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = spec["tokenizer"]()
    config = spec["config"]
    config.vocab_size = len(tokenizer)
    model = spec["kind"](config)
    perturb(model, torch.Generator().manual_seed(seed))
    model.to(spec.get("dtype", torch.float32)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    cases = [case_of(folder, first, second) for first, second in CASES]
    file = folder / "model.safetensors"
    if "renamed" in spec:
        tensors = {}
        for key, tensor in load_file(file).items():
            for old, new in spec["renamed"].items():
                key = key.replace(old, new)
            tensors[key] = tensor
        save_file(tensors, file, metadata={"format": "pt"})
    text = json.dumps({"covers": spec["covers"], "cases": cases}, separators=(",", ":"))
    (folder / "golden.json").write_text(text.replace('{"first"', '\n{"first"') + "\n")
    print(f"{name}: {file.stat().st_size} bytes, longest {max(len(case['tokenIds']) for case in cases)} tokens")


TEXTS = [
    "\n\nHuman: How do I make bread?\n\nAssistant:",
    " You’ll need flour, water, salt and yeast; then wait an hour.",
    "",
    "Éclair 12,5 € 東京 🙂 antidisestablishmentarianism",
    LONG,
]


def embedded() -> None:
    cases = [case_of(OUT.parents[1] / "models/encoder", text, None) for text in TEXTS]
    kept = [{key: case[key] for key in ("first", "tokenIds", "mean")} for case in cases]
    file = OUT.parent / "encoder" / "embeddings.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"cases": kept}, separators=(",", ":")).replace('{"first"', '\n{"first"') + "\n")


if __name__ == "__main__":
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    if "--embedded" in sys.argv:
        embedded()
        sys.exit()
    for index, (name, spec) in enumerate(ENCODERS.items()):
        make(name, spec, 900 + index)
