import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { ggufRope } from './ggufRope.js'
import type { Gguf } from './readGguf.js'

type Json = Readonly<Record<string, unknown>>

const optionalInteger = positiveInteger.optional().describe('one integer >= 1')
const optionalNumber = positiveNumber.optional().describe('a number > 0')

/** Known keys after the architecture's name. Any other key is refused, because it may change the model's answers. */
const common = {
  block_count: positiveInteger,
  context_length: positiveInteger,
  embedding_length: positiveInteger,
  feed_forward_length: positiveInteger.describe('one integer >= 1'),
  'attention.head_count': positiveInteger.describe('one integer >= 1'),
  'attention.head_count_kv': optionalInteger,
  vocab_size: optionalInteger,
  'attention.causal': z.literal(true).optional().describe('true: tokens see those before them only'),
  pooling_type: z
    .literal([0, 4])
    .optional()
    .describe('0 (a language model) or 4 (rank, a classifier); models of text embeddings are not supported'),
  'classifier.output_labels': z.array(z.string()).optional().describe('a list of names'),
}

const rotary = {
  'attention.layer_norm_rms_epsilon': positiveNumber,
  'attention.key_length': optionalInteger,
  'attention.value_length': optionalInteger,
  'rope.freq_base': optionalNumber,
  'rope.dimension_count': optionalInteger,
  'rope.scaling.type': z.literal(['none', 'linear', 'yarn', 'longrope']).optional().describe('none, linear, yarn or longrope'),
  'rope.scaling.factor': optionalNumber,
  'rope.scale_linear': optionalNumber,
  'rope.scaling.original_context_length': optionalInteger,
  'rope.scaling.attn_factor': optionalNumber,
  'rope.scaling.finetuned': z.boolean().optional(),
  expert_count: z.literal(0).optional().describe('0 (mixtures of experts are not supported)'),
  expert_used_count: z.literal(0).optional().describe('0 (mixtures of experts are not supported)'),
}

const windowed = { ...common, ...rotary, 'attention.sliding_window': z.int().min(0).optional().describe('an integer >= 0') }

const schemas = {
  llama: z.object({ ...common, ...rotary }),
  qwen2: z.object({ ...common, ...rotary }),
  qwen3: z.object({ ...common, ...rotary }),
  phi3: z.object(windowed),
  gemma2: z.object({ ...windowed, attn_logit_softcapping: optionalNumber, final_logit_softcapping: optionalNumber }),
  gemma3: z.object({ ...windowed, 'rope.freq_base_swa': optionalNumber, final_logit_softcapping: optionalNumber }),
  gpt2: z.object({ ...common, 'attention.layer_norm_epsilon': positiveNumber }),
}

export type Architecture = keyof typeof schemas

/** Names in transformers: model type, class of the language model, class of the classifier. */
const families: Readonly<Record<Architecture, readonly [type: string, lm: string, classifier: string]>> = {
  llama: ['llama', 'LlamaForCausalLM', 'LlamaForSequenceClassification'],
  qwen2: ['qwen2', 'Qwen2ForCausalLM', 'Qwen2ForSequenceClassification'],
  qwen3: ['qwen3', 'Qwen3ForCausalLM', 'Qwen3ForSequenceClassification'],
  phi3: ['phi3', 'Phi3ForCausalLM', 'Phi3ForSequenceClassification'],
  gemma2: ['gemma2', 'Gemma2ForCausalLM', 'Gemma2ForSequenceClassification'],
  gemma3: ['gemma3_text', 'Gemma3ForCausalLM', 'Gemma3TextForSequenceClassification'],
  gpt2: ['gpt2', 'GPT2LMHeadModel', 'GPT2ForSequenceClassification'],
}

const isArchitecture = (name: unknown): name is Architecture => typeof name === 'string' && Object.hasOwn(schemas, name)

/** @throws ModelError for an unsupported architecture, with its name */
export function architectureOf({ metadata, file }: Gguf): Architecture {
  const { 'general.architecture': name, 'general.type': type } = metadata
  if (type !== undefined && type !== 'model')
    throw new ModelError(`Expected \`general.type\` in ${file} to be \`model\`, got ${JSON.stringify(type)}`)
  if (isArchitecture(name)) return name
  throw new ModelError(
    `Expected \`general.architecture\` in ${file} to be one of ${Object.keys(schemas).join(', ')}, got ${JSON.stringify(name ?? null)}`,
  )
}

/** An architecture's fields, by the key after its name. */
function fieldsOf(gguf: Gguf, architecture: Architecture) {
  const { metadata, file } = gguf
  const prefix = `${architecture}.`
  const { shape } = schemas[architecture]
  const own = Object.entries(metadata).filter(([key]) => key.startsWith(prefix))
  const unknown = own.find(([key]) => !Object.hasOwn(shape, key.slice(prefix.length)))
  if (unknown !== undefined)
    throw new ModelError(`Expected only known keys in ${file}, got \`${unknown[0]}\` = ${JSON.stringify(unknown[1])}`)
  const named = z.looseObject(Object.fromEntries(Object.entries(shape).map(([key, field]) => [prefix + key, field])))
  const read = checkJson(named, Object.fromEntries(own), file)
  const fields = Object.fromEntries(Object.entries(read).map(([key, value]) => [key.slice(prefix.length), value]))
  return fields as z.output<(typeof schemas)['gemma2']> &
    z.output<(typeof schemas)['gemma3']> &
    z.output<(typeof schemas)['gpt2']>
}

type Fields = ReturnType<typeof fieldsOf>

/** The config.json that transformers would have, the tensors that hold a part of it, and what other tensor names depend on. */
export type GgufConfig = Readonly<{
  json: Json
  architecture: Architecture
  heads: Readonly<{ heads: number; kvHeads: number }>
  read: ReadonlySet<string>
}>

/**
 * Reads the metadata of a GGUF file as the config.json of the same model.
 *
 * @throws ModelError with the key, the file, the expectation and the value
 * @see llama.cpp src/llama-model.cpp; gguf-py/gguf/constants.py
 */
export async function ggufConfig(gguf: Gguf): Promise<GgufConfig> {
  const architecture = architectureOf(gguf)
  const fields = fieldsOf(gguf, architecture)
  const { tensors, file } = gguf
  const embedding = tensors.get('token_embd.weight')
  if (embedding === undefined) throw new ModelError(`Expected tensor \`token_embd.weight\` in ${file}, found none`)
  if (tensors.has('cls.weight'))
    throw new ModelError(
      `Expected a classifier of one layer (\`cls.output\`) in ${file}, got \`cls.weight\`, a layer with tanh before it`,
    )
  const [type, lm, classifier] = families[architecture]
  const scores = tensors.get('cls.output.weight')
  if (fields.pooling_type === 4 && !scores)
    throw new ModelError(
      `Expected tensor \`cls.output.weight\` in ${file}, because \`${architecture}.pooling_type\` is rank, found none`,
    )
  const heads = fields['attention.head_count']
  const sizes = {
    model_type: type,
    architectures: [scores ? classifier : lm],
    vocab_size: embedding.shape[0],
    hidden_size: fields.embedding_length,
    num_hidden_layers: fields.block_count,
    num_attention_heads: heads,
    max_position_embeddings: fields.context_length,
    tie_word_embeddings: !tensors.has('output.weight'),
    ...tokenIds(gguf),
    ...(scores && { id2label: labelsOf(fields, scores.shape[0]!, file) }),
  }
  const kvHeads = fields['attention.head_count_kv'] ?? heads
  const found = { architecture, heads: { heads, kvHeads } }
  if (architecture === 'gpt2') {
    const own = { n_inner: fields.feed_forward_length, layer_norm_epsilon: fields['attention.layer_norm_epsilon'] }
    return { ...found, json: { ...sizes, ...own }, read: new Set() }
  }
  const headDim = fields['attention.key_length'] ?? fields.embedding_length / heads
  if ((fields['attention.value_length'] ?? headDim) !== headDim)
    throw new ModelError(
      `Expected \`${architecture}.attention.value_length\` in ${file} to be the key length ${headDim}, got ${fields['attention.value_length']}`,
    )
  const { read, ...rope } = await ggufRope(gguf, architecture, fields, headDim)
  const json = {
    ...sizes,
    intermediate_size: fields.feed_forward_length,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    rms_norm_eps: fields['attention.layer_norm_rms_epsilon'],
    ...rope,
    ...ofArchitecture(gguf, architecture, fields, headDim),
  }
  return { ...found, json, read }
}

const tokenId = z.int().min(0).optional().describe('a token id')

/** Reads the start token and the end tokens: of text, of turn and of message. */
function tokenIds({ metadata, file }: Gguf): Json {
  const keys = { bos: 'bos_token_id', eos: 'eos_token_id', eot: 'eot_token_id', eom: 'eom_token_id' }
  const named = z.looseObject(Object.fromEntries(Object.values(keys).map((key) => [`tokenizer.ggml.${key}`, tokenId])))
  const read = checkJson(named, metadata, file)
  const idOf = (key: string): number | undefined => read[`tokenizer.ggml.${key}`] as number | undefined
  const ends = [idOf(keys.eos), idOf(keys.eot), idOf(keys.eom)].filter((id) => id !== undefined)
  return { bos_token_id: idOf(keys.bos) ?? null, eos_token_id: [...new Set(ends)] }
}

function labelsOf({ 'classifier.output_labels': names }: Fields, count: number, file: string): Json {
  if (names && names.length !== count)
    throw new ModelError(`Expected ${count} labels in ${file}, one per row of \`cls.output.weight\`, got ${names.length}`)
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [index, names?.[index] ?? `LABEL_${index}`]))
}

/** The config fields that only one architecture has. */
function ofArchitecture({ tensors }: Gguf, architecture: Architecture, fields: Fields, headDim: number): Json {
  const has = (name: string) => tensors.has(name)
  const window = { sliding_window: fields['attention.sliding_window'] || null }
  const caps = {
    attn_logit_softcapping: fields.attn_logit_softcapping ?? null,
    final_logit_softcapping: fields.final_logit_softcapping ?? null,
  }
  // A file does not hold the divisor of attention scores. llama.cpp recognizes Gemma's 27B by its number of layers.
  const perHead = fields.embedding_length / fields['attention.head_count']
  const scale = (large: number) => ({ query_pre_attn_scalar: fields.block_count === large ? perHead : headDim })
  switch (architecture) {
    case 'llama':
      return { attention_bias: has('blk.0.attn_q.bias'), mlp_bias: has('blk.0.ffn_up.bias') }
    case 'qwen3':
      return { attention_bias: has('blk.0.attn_q.bias') }
    case 'phi3':
      return window
    case 'gemma2':
      return { ...window, ...caps, ...scale(46) }
    case 'gemma3':
      return { ...window, ...caps, ...scale(62), rope_local_base_freq: fields['rope.freq_base_swa'] ?? 10_000 }
    default:
      return {}
  }
}
