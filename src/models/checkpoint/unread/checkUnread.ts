import { parse } from 'node:path'
import { ModelError } from '../../../core/errors.js'
import { VALUE_HEADS } from '../heads/valueHead.js'
import type { Tensors } from '../weights/safetensors.js'
import { conversion, VALUE_HEAD_FILE } from '../weights/weightFiles.js'
import type { OtherFiles } from './otherFiles.js'

/** A model folder, the tensors that the graph does not use, and the graph's purpose. */
export type Unread = Readonly<{
  folder: string
  tensors: Pick<Tensors, 'names'>
  others: OtherFiles
  unused: readonly string[]
  reads: 'language model' | 'reward' | 'encoder'
  /** Whether a tensor is known to have no effect on the result. */
  noEffect: (name: string) => boolean
}>

/** Whether a tensor belongs to a value head, which a language model does not read. */
export const inValueHead = (name: string): boolean => VALUE_HEADS.some((path) => name.startsWith(`${path}.`))

/**
 * Whether a tensor belongs to an output projection, which a reward does not read, or to running statistics of rewards, which apply only
 * if config.json says so.
 */
export const inVocabularyHead = (name: string): boolean => /^(lm_head|embed_out)\.|^normalizer\.(mean|var|count)$/.test(name)

const HEAD_FILE = /head|score|reward|critic|regression|classifier/i

type Entry = Readonly<{ name: string; file?: string }>

/** Lists the first three names, each with its file if that is not one of the model's own. */
const list = (names: readonly Entry[]): string => {
  const first = names.slice(0, 3).map(({ name, file }) => `\`${name}\`${file === undefined ? '' : ` of ${file}`}`)
  return `${first.join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
}

const partOf = (name: string): string => name.split('.')[0]!

/**
 * Checks that no unread tensor or file of a folder would change the result. A part of the model that is computed must have no further
 * tensors. A reward may have none at all, because they may be its head.
 *
 * @returns one line for each kind of unread thing that may have an effect
 * @throws ModelError with the names of the tensors, or the file
 */
export function checkUnread({ folder, tensors, others, unused, reads, noEffect }: Unread): string[] {
  const idle = new Set(unused)
  const parts = new Set(tensors.names.filter((name) => !idle.has(name)).map(partOf))
  const all: readonly Entry[] = [...unused.map((name) => ({ name })), ...others.tensors]
  const left = all.filter(({ name }) => !noEffect(name))
  const foreign = left.filter(({ name }) => reads === 'reward' || parts.has(partOf(name)))
  if (foreign.length > 0) {
    const reason = reads === 'reward' ? 'it may be an unsupported head' : 'its config.json does not mention this part'
    throw new ModelError(
      `Expected a use for every tensor of the ${reads} in ${folder}, found none for ${list(foreign)}: ${reason}`,
    )
  }
  const heads = reads === 'reward' ? others.foreign.filter((name) => HEAD_FILE.test(name)) : []
  if (heads.length > 0) throw new ModelError(headFileMessage(folder, heads[0]!))
  const start = `The ${reads} in ${folder} does not use`
  const foreignFiles = others.foreign.filter((name) => !HEAD_FILE.test(name))
  const unreadFiles = [...foreignFiles, ...others.spare].map((name) => ({ name }))
  return [
    ...(left.length > 0 ? [`${start} ${list(left)}`] : []),
    ...(unreadFiles.length > 0 ? [`${start} ${list(unreadFiles)}`] : []),
  ]
}

const PICKLED = /\.(bin|pt|pth|ckpt|pkl|pickle)$/

/** LLaMA-Factory's pickled value head can be converted into the file that is read. */
function headFileMessage(folder: string, file: string): string {
  const isValueHead = parse(file).name === parse(VALUE_HEAD_FILE).name
  const how = isValueHead ? `; convert it with: ${conversion(folder, [file], VALUE_HEAD_FILE)}` : ''
  const why = PICKLED.test(file)
    ? 'pickled weights can run code when they are read, so they are refused'
    : 'weights of this format are not read'
  return `Expected a reward's head as safetensors in ${folder}, got ${file}: ${why}${how}`
}
