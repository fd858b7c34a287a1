import { ModelError } from '../../../core/errors.js'

type Json = Readonly<Record<string, unknown>>

/** Settings of tokenizer_config.json that are applied, here or by the readers of the files. */
const APPLIED = [
  ...['added_tokens_decoder', 'additional_special_tokens', 'extra_special_tokens', 'chat_template', 'model_input_names'],
  ...['remove_space', 'do_lowercase_and_remove_accent', 'split_special_tokens', 'add_prefix_space', 'tokenizer_class'],
  ...['do_lower_case', 'strip_accents', 'tokenize_chinese_chars'],
]

/**
 * Settings that change neither the token ids of a prompt nor the text of a reply: names of files and classes, handling of batches, and
 * settings that transformers 5 takes from tokenizer.json (`add_bos_token` and `add_eos_token` count only without it).
 */
const WITHOUT_EFFECT = [
  ...[
    'add_bos_token',
    'add_eos_token',
    'backend',
    'errors',
    'from_slow',
    'init_inputs',
    'is_local',
    'local_files_only',
    'legacy',
  ],
  ...['max_len', 'max_length', 'max_model_input_sizes', 'merges_file', 'model_max_length', 'model_specific_special_tokens'],
  ...[
    'name_or_path',
    'never_split',
    'do_basic_tokenize',
    'pad_to_max_length',
    'pad_to_multiple_of',
    'pad_token_type_id',
    'padding',
  ],
  ...['padding_side', 'processor_class', 'response_schema', 'sep_token_extra', 'slow_tokenizer_class', 'sp_model_kwargs'],
  ...[
    'spaces_between_special_tokens',
    'special_tokens_map_file',
    'stride',
    'tokenizer_file',
    'tokenizer_type',
    'transformers_version',
  ],
  ...[
    'trim_offsets',
    'truncation',
    'truncation_side',
    'truncation_strategy',
    'unk_token_id',
    'use_default_system_prompt',
    'use_fast',
  ],
  ...['verbose', 'vocab_file', 'vocab_size', 'wordpieces_prefix', 'cls_token_id', 'bos_token_id', 'eos_token_id', 'pad_token_id'],
  ...[
    '_commit_hash',
    '_from_auto',
    'special_tokens',
    'keep_accents',
    'return_token_type_ids',
    'return_attention_mask',
    'language',
  ],
]

/** Settings that change token ids or text and are not supported, and the value that changes nothing. */
const REFUSED: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['fix_mistral_regex', false],
  ['clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output', false],
])

/** Classes of byte-level tokenizers whose `add_prefix_space` overrides tokenizer.json. */
const BYTE_LEVEL = [
  'GPT2Tokenizer',
  'RobertaTokenizer',
  'BartTokenizer',
  'Qwen2Tokenizer',
  'GPTNeoXTokenizer',
  'CodeGenTokenizer',
]
/** Classes that use tokenizer.json unchanged. */
const GENERIC = [undefined, 'TokenizersBackend', 'PreTrainedTokenizer']
/** Classes whose settings for BERT's normalizer override tokenizer.json. */
const BERT = [
  'BertTokenizer',
  'DistilBertTokenizer',
  'ElectraTokenizer',
  'MobileBertTokenizer',
  'RetriBertTokenizer',
  'LayoutLMTokenizer',
]
const BERT_SETTINGS = {
  do_lower_case: 'lowercase',
  strip_accents: 'strip_accents',
  tokenize_chinese_chars: 'handle_chinese_chars',
} as const

export type Settings = Readonly<{
  /** The content of tokenizer.json with the settings applied. */
  tokenizer: Json
  /** Messages about unknown settings. */
  notices: readonly string[]
}>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const className = ({ tokenizer_class: name }: Json): string | undefined =>
  typeof name === 'string' ? name.replace(/Fast$/, '') : undefined

/** Edits the parts of a type: the part itself, or those of a sequence. */
function withPart(part: unknown, type: string, edit: (part: Json) => Json): unknown {
  if (!isObject(part)) return part
  if (part.type === type) return edit(part)
  const lists = ['pretokenizers', 'normalizers', 'processors'].flatMap((key) => {
    const inner = part[key]
    return Array.isArray(inner) ? [[key, inner.map((one) => withPart(one, type, edit))] as const] : []
  })
  return { ...part, ...Object.fromEntries(lists) }
}

/** Whether the tokenizer puts a space in front of a text; undefined if no part of it decides. */
function prefixesSpace({ pre_tokenizer: pre, normalizer }: Json): boolean | undefined {
  const found: boolean[] = []
  withPart(pre, 'ByteLevel', (part) => {
    found.push(part.add_prefix_space === true)
    return part
  })
  withPart(pre, 'Metaspace', (part) => {
    found.push(part.add_prefix_space !== false && part.prepend_scheme !== 'never')
    return part
  })
  withPart(normalizer, 'Prepend', (part) => {
    found.push(true)
    return part
  })
  return found.length === 0 ? undefined : found.includes(true)
}

function withPrefixSpace(tokenizer: Json, config: Json, file: string): Json {
  const { add_prefix_space: setting } = config
  const name = className(config)
  if (typeof setting !== 'boolean' || GENERIC.includes(name)) return tokenizer
  const own = prefixesSpace(tokenizer)
  if (own === undefined || own === setting) return tokenizer
  if (!BYTE_LEVEL.includes(name!))
    throw new ModelError(
      `Expected \`add_prefix_space\` in ${file} to agree with tokenizer.json, which says ${own}, where \`tokenizer_class\` is ${name}; got ${setting}`,
    )
  return {
    ...tokenizer,
    pre_tokenizer: withPart(tokenizer.pre_tokenizer, 'ByteLevel', (part) => ({ ...part, add_prefix_space: setting })),
  }
}

function withBertSettings(tokenizer: Json, config: Json): Json {
  if (!BERT.includes(className(config) ?? '')) return tokenizer
  const settings = Object.fromEntries(
    Object.entries(BERT_SETTINGS).flatMap(([setting, field]) =>
      config[setting] === undefined ? [] : [[field, config[setting]]],
    ),
  )
  return { ...tokenizer, normalizer: withPart(tokenizer.normalizer, 'BertNormalizer', (part) => ({ ...part, ...settings })) }
}

/**
 * Applies the settings of tokenizer_config.json to a tokenizer, as transformers 5 does.
 *
 * @param file tokenizer_config.json, for messages
 * @throws ModelError for an unsupported setting that changes token ids or text
 */
export function tokenizerSettings(tokenizer: Json, config: Json, file: string): Settings {
  for (const [name, harmless] of REFUSED) {
    const value = config[name]
    if (value !== undefined && value !== null && value !== harmless)
      throw new ModelError(
        `Expected \`${name}\` in ${file} to be ${String(harmless)} (no other value is supported), got \`${JSON.stringify(value)}\``,
      )
  }
  const isBpe = isObject(tokenizer.model) && tokenizer.model.type === 'BPE'
  const known = [...APPLIED, ...WITHOUT_EFFECT, ...REFUSED.keys()]
  const unknown = Object.keys(config).filter((name) => {
    // transformers 5 ignores it for BPE.
    if (name === 'clean_up_tokenization_spaces') return config[name] === true && !isBpe
    return !name.endsWith('_token') && !name.endsWith('_tokens') && !known.includes(name)
  })
  const notices =
    unknown.length === 0 ? [] : [`Settings of ${file} that are not applied: ${unknown.map((name) => `\`${name}\``).join(', ')}`]
  return { tokenizer: withBertSettings(withPrefixSpace(tokenizer, config, file), config), notices }
}
