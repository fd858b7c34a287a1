import { existsSync } from 'node:fs'
import { basename, extname } from 'node:path'
import type * as z from 'zod'
import { rewardByName, rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { OptionError } from '../../core/errors.js'
import { didYouMean } from '../../core/nearest.js'
import { modelName } from '../../models/modelFolder.js'
import { isHttp } from '../../models/remote/httpAddress.js'
import { namedPath } from './flags.js'
import { readServer } from './readServer.js'

/** The reward of `--reward`: a model folder, a module, a server, or a function of this package with its options as text. */
export type RewardFlag = ModelFlag | ModuleFlag | FunctionFlag | ServerFlag
/** `label`: the label of a classifier that is the reward. `endToken`: see `BatchedRewardModel`. */
type ModelFlag = Readonly<{
  kind: 'model'
  name: string
  path: string
  label?: string | undefined
  endToken?: string | undefined
}>
/** `path`: the address without secrets. */
type ServerFlag = Readonly<{ kind: 'server'; name: string; path: string; url: string; label?: string | undefined }>
type ModuleFlag = Readonly<{ kind: 'module'; name: string; path: string }>
type FunctionFlag = Readonly<{
  kind: 'function'
  name: string
  path: string
  of: string
  options: Readonly<Record<string, string>>
}>

const MODULES = ['.js', '.mjs']

/**
 * Parses `[NAME=]FOLDER`, `[NAME=]FILE.js`, `[NAME=]FUNCTION(OPTION=VALUE, …)` or `NAME=http://…`. The default name is that of the folder,
 * file or function.
 *
 * @throws OptionError for anything else
 */
export function rewardFlag(value: string): RewardFlag {
  const { path, name } = namedPath('reward')(value)
  if (isHttp(path)) return { kind: 'server', ...readServer({ path, name }) }
  const [, of, inside] = path.match(/^([a-z]\w*)\((.*)\)$/is) ?? []
  if (of !== undefined) return { kind: 'function', name: name ?? of, path, of, options: pairsOf(inside!, path) }
  if (Object.hasOwn(rewardFunctions, path) && !existsSync(path))
    return { kind: 'function', name: name ?? path, path, of: path, options: {} }
  const isModule = MODULES.includes(extname(path))
  const near = /^\w+$/.test(path) ? didYouMean(path, Object.keys(rewardFunctions)) : ''
  if (near !== '' && !existsSync(path))
    throw new OptionError(`Expected \`--reward\` to be a model folder, module, server or function, found no \`${path}\`${near}`)
  return { kind: isModule ? 'module' : 'model', name: name ?? (isModule ? basename(path, extname(path)) : modelName(path)), path }
}

/** Parses `target=200, pattern="\d, \d"`. A value in double quotes may contain commas, and `\"` stands for a quote. */
function pairsOf(text: string, whole: string): Record<string, string> {
  const pairs: Record<string, string> = {}
  const pair = /\s*(\w+)\s*=\s*(?:"((?:\\"|[^"])*)"|([^",]*))\s*(?:,|$)/y
  while (pair.lastIndex < text.trimEnd().length) {
    const match = pair.exec(text)
    if (!match) throw new OptionError(`Expected options as \`NAME=VALUE, NAME="VALUE"\` in \`${whole}\``)
    const [, option, quoted, bare] = match
    if (Object.hasOwn(pairs, option!)) throw new OptionError(`Expected each option once in \`${whole}\`, got \`${option}\` twice`)
    pairs[option!] = quoted?.replaceAll('\\"', '"') ?? bare!.trim()
  }
  return pairs
}

/** Builds the reward function of a flag. `words` holds the lines of each `@FILE`, by option. */
export function functionReward({ name, of, options }: FunctionFlag, words: Readonly<Record<string, readonly string[]>> = {}) {
  const shape: Readonly<Record<string, z.ZodType>> = rewardFunctions[of]?.options.shape ?? {}
  const typed = Object.entries(options).map(
    ([option, text]) => [option, words[option] ?? interpret(text, shape[option])] as const,
  )
  return rewardByName(name, of, Object.fromEntries(typed))
}

/** Gives the first interpretation that the schema accepts, or the text itself, for the error message. */
function interpret(text: string, schema: z.ZodType | undefined): unknown {
  const list = text.split(',').map((word) => word.trim())
  const numbers = list.map((pair) => [pair.replace(/\s*=[^=]*$/, ''), Number(pair.replace(/^.*=/, ''))] as const)
  const meanings: readonly unknown[] = [
    text,
    ...(text === '' ? [] : [Number(text)]),
    ...(/^(true|false)$/.test(text) ? [text === 'true'] : []),
    list,
    ...(list.every((pair) => pair.includes('=')) ? [Object.fromEntries(numbers)] : []),
  ]
  return meanings.find((value) => schema?.safeParse(value).success) ?? text
}
