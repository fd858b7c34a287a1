import { join } from 'node:path'
import { ModelError } from '../../../core/errors.js'
import { readOptionalJson, readOptionalText } from '../readJson.js'

/** The tokenizer files of older folders, without tokenizer.json. */
export const VOCABULARY_FILES = ['vocab.json', 'merges.txt', 'vocab.txt'] as const

type Config = Readonly<Record<string, unknown>>
/** What tokenizer.json would hold, and the default special tokens by role. */
type Vocabulary = Readonly<{ json: Config; roles: Readonly<Record<string, string>> }>

const contentOf = (token: unknown): string | undefined => {
  if (typeof token === 'object' && token !== null && 'content' in token) return contentOf(token.content)
  return typeof token === 'string' ? token : undefined
}

const around = (before: readonly string[], after: readonly string[]) => {
  const tokens = (texts: readonly string[]) => texts.map((id) => ({ SpecialToken: { id, type_id: 0 } }))
  const single = [...tokens(before), { Sequence: { id: 'A', type_id: 0 } }, ...tokens(after)]
  return { type: 'TemplateProcessing', single, pair: single, special_tokens: {} }
}

const NOTHING = { normalizer: null, pre_tokenizer: null, decoder: null, post_processor: null, added_tokens: [] }

/** @see transformers 5 models/gpt2/tokenization_gpt2.py */
async function gpt2(folder: string, config: Config): Promise<Vocabulary> {
  const file = join(folder, 'merges.txt')
  const vocab = await readOptionalJson(join(folder, 'vocab.json'), 'any')
  const text = await readOptionalText(file)
  if (text === undefined) throw new ModelError(`Expected ${file} beside vocab.json, found no such file`)
  const lines = text.split(/\r?\n/).filter((line, index) => line !== '' && !(index === 0 && line.startsWith('#version')))
  const broken = lines.findIndex((line) => line.split(' ').length !== 2)
  if (broken !== -1)
    throw new ModelError(
      `Expected two tokens with a space between them in each line of ${file}, got ${JSON.stringify(lines[broken])}`,
    )
  const roles = Object.fromEntries(
    ['bos_token', 'eos_token', 'unk_token'].map((role) => [role, contentOf(config[role]) ?? '<|endoftext|>']),
  )
  const bytes = { type: 'ByteLevel', add_prefix_space: config.add_prefix_space === true, trim_offsets: true, use_regex: true }
  const json = {
    ...NOTHING,
    pre_tokenizer: bytes,
    decoder: bytes,
    post_processor: around(
      config.add_bos_token === true ? [roles.bos_token!] : [],
      config.add_eos_token === true ? [roles.eos_token!] : [],
    ),
    model: { type: 'BPE', vocab, merges: lines, ignore_merges: false },
  }
  return { json, roles }
}

/** @see transformers 5 models/bert/tokenization_bert.py */
async function bert(text: string, config: Config): Promise<Vocabulary> {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  const roles = Object.fromEntries(
    ['unk', 'sep', 'pad', 'cls', 'mask'].map((name) => [
      `${name}_token`,
      contentOf(config[`${name}_token`]) ?? `[${name.toUpperCase()}]`,
    ]),
  )
  const normalizer = {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: config.tokenize_chinese_chars !== false,
    strip_accents: config.strip_accents ?? null,
    lowercase: config.do_lower_case !== false,
  }
  const json = {
    ...NOTHING,
    normalizer,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    post_processor: around([roles.cls_token!], [roles.sep_token!]),
    model: {
      type: 'WordPiece',
      unk_token: roles.unk_token,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(lines.map((token, id) => [token, id])),
    },
  }
  return { json, roles }
}

const classOf = (config: Config): string | undefined =>
  typeof config.tokenizer_class === 'string' ? config.tokenizer_class.replace(/Fast$/, '') : undefined

/**
 * Reads the tokenizer of a folder without tokenizer.json: vocab.json and merges.txt (GPT-2, OPT), or vocab.txt (BERT). In such a
 * folder `add_bos_token` and `add_eos_token` of tokenizer_config.json count.
 *
 * @param config the content of tokenizer_config.json
 * @throws ModelError when there is neither, a file is broken, or tokenizer_config.json names another class
 */
export async function vocabularyFiles(folder: string, config: Config): Promise<Vocabulary> {
  const words = await readOptionalText(join(folder, 'vocab.txt'))
  const name = words === undefined ? 'vocab.json' : 'vocab.txt'
  if (words === undefined && (await readOptionalText(join(folder, name))) === undefined)
    throw new ModelError(
      `Expected ${join(folder, 'tokenizer.json')}, found no such file, nor vocab.json with merges.txt, nor vocab.txt (a SentencePiece model alone is not supported: save it with transformers' \`AutoTokenizer.from_pretrained(…).save_pretrained(…)\`)`,
    )
  const expected = words === undefined ? 'GPT2Tokenizer' : 'BertTokenizer'
  const tokenizerClass = classOf(config)
  if (tokenizerClass !== undefined && tokenizerClass !== expected)
    throw new ModelError(
      `Expected \`tokenizer_class\` in ${join(folder, 'tokenizer_config.json')} to be \`${expected}\`, since the folder has only ${name}, got \`${tokenizerClass}\`; save it with tokenizer.json`,
    )
  return words === undefined ? gpt2(folder, config) : bert(words, config)
}
