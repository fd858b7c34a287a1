import { join } from 'node:path'
import { ModelError, messageOf } from '../../core/errors.js'
import { readOptionalJson, readOptionalText } from './readJson.js'

/** What sentence-transformers does with an encoder's hidden states, according to the folder's files. */
export type SentenceModules = Readonly<{
  /** How hidden states become an embedding; absent if the folder does not say. */
  pooling?: 'mean' | 'cls'
  /** Why the folder's pooling is not supported; a pooling that the caller chooses overrides it. */
  refusal?: string
  /** Whether embeddings are scaled to length 1. */
  normalize: boolean
}>

const FILE = 'modules.json'
const BUILT = ['Transformer', 'Pooling', 'Normalize']
const POOLINGS: Readonly<Record<string, 'mean' | 'cls'>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  mean: 'mean',
  cls: 'cls',
}

type Module = Readonly<{ kind: string; path: string }>

/**
 * Reads modules.json and its pooling's config.
 *
 * @throws ModelError when a file is damaged, or for an unsupported module that changes embeddings, such as `Dense`
 * @see sentence-transformers sentence_transformers/models/Pooling.py
 */
export async function sentenceModules(folder: string): Promise<SentenceModules> {
  const modules = await modulesOf(join(folder, FILE))
  const foreign = modules.find(({ kind }) => !BUILT.includes(kind))
  if (foreign)
    throw new ModelError(`Expected modules out of ${BUILT.join(', ')} in ${join(folder, FILE)}, got \`${foreign.kind}\``)
  const pooling = modules.find(({ kind }) => kind === 'Pooling')
  return {
    ...(pooling && (await poolingOf(join(folder, pooling.path, 'config.json')))),
    normalize: modules.some(({ kind }) => kind === 'Normalize'),
  }
}

async function modulesOf(file: string): Promise<Module[]> {
  const text = await readOptionalText(file)
  if (text === undefined) return []
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (error) {
    throw new ModelError(`Expected ${file} to be JSON: ${messageOf(error)}`)
  }
  if (!Array.isArray(list)) throw new ModelError(`Expected ${file} to hold a list of modules`)
  return list.map((module: unknown) => {
    const { type, path = '' } = (module ?? {}) as Readonly<{ type?: unknown; path?: unknown }>
    if (typeof type !== 'string' || typeof path !== 'string' || path.split(/[\\/]/).includes('..'))
      throw new ModelError(
        `Expected \`type\` and \`path\` of each module in ${file}, got ${JSON.stringify(module).slice(0, 120)}`,
      )
    return { kind: type.slice(type.lastIndexOf('.') + 1), path }
  })
}

async function poolingOf(file: string): Promise<Pick<SentenceModules, 'pooling' | 'refusal'>> {
  const json = await readOptionalJson(file)
  if (json === undefined) return {}
  const flags = Object.keys(json).filter((key) => key.startsWith('pooling_mode_') && json[key] === true)
  const modes = typeof json.pooling_mode === 'string' ? [json.pooling_mode] : flags
  const pooling = modes.length === 1 ? POOLINGS[modes[0]!] : undefined
  if (pooling !== undefined) return { pooling }
  const got = modes.map((mode) => `\`${mode}\``).join(', ') || 'none'
  return { refusal: `Expected a pooling of \`mean\` or \`cls\` in ${file}, got ${got}; choose one of the two` }
}
