import { posix, win32 } from 'node:path'
import { ModelError } from '../../core/errors.js'
import { ADAPTER_WEIGHTS } from '../checkpoint/adapter/adapterTensors.js'
import { VOCABULARY_FILES } from '../checkpoint/tokenizer/vocabularyFiles.js'

/** A file of a model on the hub. It has a `sha256` if the hub gives one, else git's hash as `oid`. */
export type HubFile = Readonly<{ path: string; size: number; oid?: string; sha256?: string }>

const SMALL = new Set([
  ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  ...['added_tokens.json', 'additional_chat_templates/tool_use.jinja'],
  ...[
    'chat_template.jinja',
    'chat_template.json',
    'adapter_config.json',
    'modules.json',
    '1_Pooling/config.json',
    ...VOCABULARY_FILES,
  ],
])
export const INDEX = 'model.safetensors.index.json'
const WEIGHTS = ['model.safetensors', INDEX]

/** A head in its own file. Pickled heads are fetched, too, so that an error can name them when the model is loaded. */
const HEAD = /^[\w.-]*head[\w.-]*\.(safetensors|bin|pt|pth)$/i

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** Compiles a pattern of file names. As in a shell, `*` is any text within a folder, `**` any text. */
const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split(/(\*+)/)
      .map((part) => (/^\*+$/.test(part) ? (part === '*' ? '[^/]*' : '.*') : escaped(part)))
      .join('')}$`,
  )

const leaves = (path: string): boolean =>
  path === '' || posix.isAbsolute(path) || win32.parse(path).root !== '' || /[\\\0]/.test(path) || path.split('/').includes('..')

/** @throws ModelError for a listing that names a file outside the model's folder */
export function checkPaths(files: readonly HubFile[], name: string): void {
  const bad = files.find(({ path }) => leaves(path))
  if (bad) throw new ModelError(`Expected file names of ${name} to stay inside its folder, got ${JSON.stringify(bad.path)}`)
}

/**
 * Chooses the files that rxargs reads: configs, tokenizer, heads and safetensors, and those that match `include`, small ones first. Shards come
 * later, because only the index names them.
 *
 * @throws ModelError if the model has no readable weights
 */
export function neededFiles(files: readonly HubFile[], name: string, include: readonly string[] = []): HubFile[] {
  const matchers = include.map(matcher)
  const weights = WEIGHTS.filter((weight) => files.some(({ path }) => path === weight))
  const chosen = files.filter(
    ({ path }) =>
      SMALL.has(path) ||
      HEAD.test(path) ||
      path === weights[0] ||
      path === ADAPTER_WEIGHTS ||
      matchers.some((pattern) => pattern.test(path)),
  )
  if (weights.length === 0 && !chosen.some(({ path }) => /\.(safetensors|onnx)$/.test(path) && !HEAD.test(path))) {
    const others = files
      .filter(({ path }) => /\.(bin|h5|msgpack|onnx|gguf|pt|pth|safetensors)$/.test(path))
      .map(({ path }) => path)
    const found = others.length === 0 ? 'none' : `only ${others.slice(0, 3).join(', ')}${others.length > 3 ? ', …' : ''}`
    const gguf = others.find((path) => path.endsWith('.gguf'))
    const onnx = others.some((path) => path.endsWith('.onnx')) ? "; for ONNX files add `--include 'onnx/*'` or the like" : ''
    const hint = gguf === undefined ? onnx : `; for a GGUF file name it: \`pull ${name} ${gguf}\``
    throw new ModelError(`Expected weights as safetensors in ${name}, found ${found}${hint}`)
  }
  return chosen.sort((a, b) => a.size - b.size)
}

/** @throws ModelError if the model has no file of one of the names */
export function namedFiles(files: readonly HubFile[], name: string, paths: readonly string[]): HubFile[] {
  return paths.map((path) => {
    const file = files.find((each) => each.path === path)
    if (file) return file
    const others = files.map((each) => each.path).filter((each) => each.endsWith('.gguf'))
    const hint = others.length > 0 ? `; it has ${others.slice(0, 5).join(', ')}${others.length > 5 ? ', …' : ''}` : ''
    throw new ModelError(`Expected the file ${JSON.stringify(path)} in ${name}, found none${hint}`)
  })
}

/** The shards that an index names. */
export function shardsOf(index: unknown, files: readonly HubFile[], name: string): HubFile[] {
  const map = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined
  if (typeof map !== 'object' || map === null) throw new ModelError(`Expected \`weight_map\` in ${INDEX} of ${name}, found none`)
  return [...new Set(Object.values(map))].sort().map((shard) => {
    const file = files.find(({ path }) => path === shard)
    if (file === undefined)
      throw new ModelError(`Expected ${JSON.stringify(shard)}, which ${INDEX} names, in ${name}, found none`)
    return file
  })
}
