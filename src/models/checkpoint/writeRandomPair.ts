import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const count = (least: number) => {
  const expected = `an integer >= ${least}`
  return z.coerce.number(expected).int(expected).min(least, expected)
}

/** One number of tokens, or several joined by +; prompts take them in turn. */
const lengths = z.preprocess((value) => (typeof value === 'string' ? value.split('+') : value), z.array(count(1)).min(1))

/** Sizes of a random pair. Names are short because people type them: `d=256,layers=4`. */
export const pairSizes = z
  .strictObject({
    d: count(8).default(256),
    layers: count(1).default(4),
    heads: count(1).default(4),
    kv: count(1).optional(),
    ffn: count(1).optional(),
    vocab: count(257).default(4096),
    'reward-layers': count(1).optional(),
    context: count(2).default(2048),
    'prompt-tokens': lengths.default([128]),
    prompts: count(1).default(32),
    seed: count(0).default(0),
  })
  .refine(({ d, heads }) => d % (2 * heads) === 0, '`d` a multiple of `2 * heads`')
  .refine(({ heads, kv = heads }) => heads % kv === 0, '`heads` a multiple of `kv`')
export type PairSizes = z.output<typeof pairSizes>

/** A random number generator with the same numbers in [-1, 1) on every machine (mulberry32). */
function signed(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

/**
 * Writes a language model and a reward model with random weights (fp32, Llama, untied), and prompts of fixed numbers of tokens:
 * `lm/`, `reward/` and `prompts.jsonl`. Their replies mean nothing, but take as long as those of a trained pair of the same sizes.
 * Each byte is a token and no token ends a reply, so lengths are exact.
 */
export async function writeRandomPair(folder: string, sizes: PairSizes): Promise<void> {
  await writeModel(join(folder, 'lm'), sizes, 'LlamaForCausalLM', sizes.layers)
  await writeModel(join(folder, 'reward'), sizes, 'LlamaForSequenceClassification', sizes['reward-layers'] ?? sizes.layers)
  const next = signed(sizes.seed)
  const letter = () => String.fromCharCode(97 + Math.floor(((next() + 1) / 2) * 26))
  const tokens = sizes['prompt-tokens']
  const prompt = (index: number) => Array.from({ length: tokens[index % tokens.length]! }, letter).join('')
  const lines = Array.from({ length: sizes.prompts }, (_, index) => `${JSON.stringify({ prompt: prompt(index) })}\n`)
  await writeFile(join(folder, 'prompts.jsonl'), lines.join(''))
}

async function writeModel(folder: string, sizes: PairSizes, architecture: string, layers: number): Promise<void> {
  const { d, heads, kv = heads, ffn = Math.round((8 * d) / 3), vocab, context, seed } = sizes
  const isLm = architecture === 'LlamaForCausalLM'
  await mkdir(folder, { recursive: true })
  const json = (name: string, value: unknown) => writeFile(join(folder, name), `${JSON.stringify(value)}\n`)
  await json('config.json', {
    ...{ architectures: [architecture], model_type: 'llama', dtype: 'float32', hidden_act: 'silu', hidden_size: d },
    ...{ intermediate_size: ffn, num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: kv },
    ...{ vocab_size: vocab, max_position_embeddings: context, rms_norm_eps: 1e-5, rope_theta: 10000 },
    ...{ tie_word_embeddings: false, bos_token_id: null, eos_token_id: null, pad_token_id: null },
    ...(!isLm && { id2label: { 0: 'LABEL_0' }, label2id: { LABEL_0: 0 } }),
  })
  await json('tokenizer.json', byteTokenizer(vocab))
  await json('tokenizer_config.json', { tokenizer_class: 'PreTrainedTokenizerFast', clean_up_tokenization_spaces: false })
  const head = { d, kvSize: (d / heads) * kv, ffn }
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [vocab, d]],
    ...Array.from({ length: layers }, (_, layer) => layerShapes(`model.layers.${layer}`, head)).flat(),
    ['model.norm.weight', [d]],
    isLm ? ['lm_head.weight', [vocab, d]] : ['score.weight', [1, d]],
  ]
  const next = signed(seed + (isLm ? 1 : 2))
  await writeSafetensors(join(folder, 'model.safetensors'), shapes, (shape, index) => {
    const isNorm = shape.length === 1
    const reach = index === 0 ? 1 : Math.sqrt(3 / shape.at(-1)!)
    return Float32Array.from({ length: shape.reduce((all, each) => all * each, 1) }, () => (isNorm ? 1 : reach * next()))
  })
}

const layerShapes = (name: string, { d, kvSize, ffn }: Readonly<{ d: number; kvSize: number; ffn: number }>) =>
  [
    [`${name}.input_layernorm.weight`, [d]],
    [`${name}.self_attn.q_proj.weight`, [d, d]],
    [`${name}.self_attn.k_proj.weight`, [kvSize, d]],
    [`${name}.self_attn.v_proj.weight`, [kvSize, d]],
    [`${name}.self_attn.o_proj.weight`, [d, d]],
    [`${name}.post_attention_layernorm.weight`, [d]],
    [`${name}.mlp.gate_proj.weight`, [ffn, d]],
    [`${name}.mlp.up_proj.weight`, [ffn, d]],
    [`${name}.mlp.down_proj.weight`, [d, ffn]],
  ] as [string, number[]][]

/** Byte-level characters: printable bytes stand for themselves, the rest begin at U+0100. */
function byteCharacters(): string[] {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++))
}

/** A tokenizer.json of `size` tokens, one for each byte. Tokens from 256 on only occur in replies. */
const byteTokenizer = (size: number): object => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  model: {
    ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
    ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false, merges: [] },
    vocab: Object.fromEntries(
      [...byteCharacters(), ...Array.from({ length: size - 256 }, (_, index) => `token${index + 256}`)].map((token, id) => [
        token,
        id,
      ]),
    ),
  },
})

/** Writes fp32 tensors one after the other. `values` makes each in its turn, so only one is in memory. */
export async function writeSafetensors(
  file: string,
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
  values: (shape: readonly number[], index: number) => Float32Array,
): Promise<void> {
  let end = 0
  const entries = shapes.map(([name, shape]) => {
    const begin = end
    end += 4 * shape.reduce((all, each) => all * each, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const
  })
  const header = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(file, 'w')
  try {
    await handle.writeFile(length)
    await handle.writeFile(header)
    for (const [index, [, shape]] of shapes.entries()) {
      const { buffer, byteOffset, byteLength } = values(shape, index)
      await handle.writeFile(Buffer.from(buffer, byteOffset, byteLength))
    }
  } finally {
    await handle.close()
  }
}
