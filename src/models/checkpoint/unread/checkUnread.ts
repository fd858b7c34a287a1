import { parse } from 'node:path'
import { ModelError } from '../../../core/errors.js'
import { VALUE_HEADS } from '../heads/valueHead.js'
import type { Tensors } from '../weights/safetensors.js'
import { conversion, VALUE_HEAD_FILE } from '../weights/weightFiles.js'
import type { OtherFiles } from './otherFiles.js'

/** A model folder, the tensors of it that a graph has no use for, and what the graph is for. */
export type Unread = Readonly<{
  folder: string
  tensors: Pick<Tensors, 'names'>
  others: OtherFiles
  unused: readonly string[]
  reads: 'language model' | 'reward' | 'encoder'
  /** Whether a tensor is known to have no effect on what is read. */
  noEffect: (name: string) => boolean
}>

/** Whether a tensor belongs to a value head, which a language model does not read. */
export const inValueHead = (name: string): boolean => VALUE_HEADS.some((path) => name.startsWith(`${path}.`))

/**
 * Whether a tensor belongs to an output projection, which a reward head does not read, or to running statistics of rewards, which are
 * not applied unless config.json says so.
 */
export const inVocabularyHead = (name: string): boolean => /^(lm_head|embed_out)\.|^normalizer\.(mean|var|count)$/.test(name)

const HEAD_FILE = /head|score|reward|critic|regression|classifier/i

type Named = Readonly<{ name: string; file?: string }>

/** The first three by name, each with its file where that is not one of the model's own. */
const listed = (names: readonly Named[]): string => {
  const first = names.slice(0, 3).map(({ name, file }) => `\`${name}\`${file === undefined ? '' : ` of ${file}`}`)
  return `${first.join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
}

const partOf = (name: string): string => name.split('.')[0]!

/**
 * Checks that nothing in a folder would change what is read of it: every tensor is used or known to be without effect. A part that is
 * computed must have no further tensors; a reward takes none at all, since they may be its head.
 *
 * @returns one line for each kind of thing that is not read, and cannot be told to be without effect
 * @throws ModelError naming the tensors or the file
 */
export function checkUnread({ folder, tensors, others, unused, reads, noEffect }: Unread): string[] {
  const idle = new Set(unused)
  const parts = new Set(tensors.names.filter((name) => !idle.has(name)).map(partOf))
  const all: readonly Named[] = [...unused.map((name) => ({ name })), ...others.tensors]
  const left = all.filter(({ name }) => !noEffect(name))
  const foreign = left.filter(({ name }) => reads === 'reward' || parts.has(partOf(name)))
  if (foreign.length > 0) {
    const reason =
      reads === 'reward' ? 'it may be a head of a kind that is not supported' : 'its config.json tells of no such part'
    throw new ModelError(
      `Expected a use for every tensor of the ${reads} in ${folder}, found none for ${listed(foreign)}: ${reason}`,
    )
  }
  const heads = reads === 'reward' ? others.pickled.filter((name) => HEAD_FILE.test(name)) : []
  if (heads.length > 0) throw new ModelError(headFileSaid(folder, heads[0]!))
  const said = `The ${reads} in ${folder} makes no use of`
  const unreadFiles = others.pickled.filter((name) => !HEAD_FILE.test(name)).map((name) => ({ name }))
  return [
    ...(left.length > 0 ? [`${said} ${listed(left)}`] : []),
    ...(unreadFiles.length > 0 ? [`${said} ${listed(unreadFiles)}`] : []),
  ]
}

/** A pickled value head of LLaMA-Factory can be converted into the file that is read. */
function headFileSaid(folder: string, file: string): string {
  const isValueHead = parse(file).name === parse(VALUE_HEAD_FILE).name
  const how = isValueHead ? `; convert it with: ${conversion(folder, [file], VALUE_HEAD_FILE)}` : ''
  return `Expected a reward's head as safetensors in ${folder}, got ${file}: pickled weights can run code when they are read and are refused${how}`
}
