import { OutputError } from '../../core/errors.js'
import type { RunMeta } from '../../core/run.js'

type Difference = Readonly<{ name: string; first: unknown; second: unknown }>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** Finds where two values differ, such as `steps[2].combineScore.weight`. A missing field equals `undefined` and `null`. */
export function differences(first: unknown, second: unknown, name = ''): Difference[] {
  if (!isObject(first) || !isObject(second) || Array.isArray(first) !== Array.isArray(second)) {
    return Object.is(first ?? null, second ?? null) ? [] : [{ name, first, second }]
  }
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].flatMap((key) => {
    const inner = Array.isArray(first) ? `${name}[${key}]` : name ? `${name}.${key}` : key
    return differences(first[key], second[key], inner)
  })
}

/** The metadata that decides a run's replies. The version of this package and the path of a model with a hash do not count. */
const decisive = ({ spec, seed, models }: RunMeta) => ({
  ...spec,
  seed,
  ...Object.fromEntries(
    Object.entries(models).flatMap(([role, { path, sha256 = path, dtype = 'fp32', device = 'cpu', label, endToken, model }]) => [
      [`model ${role}`, sha256],
      [`dtype of ${role}`, dtype],
      // Sums in another order round differently, so another device may choose another token.
      [`device of ${role}`, device],
      [`label of ${role}`, label],
      [`end token of ${role}`, endToken],
      [`model of ${role}`, model],
    ]),
  ),
})

const format = (value: unknown): string => (value === undefined || value === null ? 'none' : JSON.stringify(value))

/** Lists at most this many differences. */
const SHOWN = 4

/** Says which options of two runs differ; undefined if none does. */
export function describeMix(
  one: Readonly<{ name: string; meta: RunMeta }>,
  other: Readonly<{ name: string; meta: RunMeta }>,
): string | undefined {
  const list = differences(decisive(one.meta), decisive(other.meta))
  if (list.length === 0) return undefined
  const of = (side: 'first' | 'second') =>
    list
      .slice(0, SHOWN)
      .map((difference) => `\`${difference.name}\` ${format(difference[side])}`)
      .join(', ')
  return `${one.name} has ${of('first')}, and ${other.name} has ${of('second')}`
}

/**
 * @throws OutputError if the runs differ, so that their rows must not mix; the message names the first different option and both values
 */
export function sameRun(path: string, existing: RunMeta, current: RunMeta): void {
  // The metadata on disk went through JSON, so this does, too.
  const [difference] = differences(decisive(existing), decisive(JSON.parse(JSON.stringify(current)) as RunMeta))
  if (difference === undefined) return
  const { name, first: there, second: here } = difference
  throw new OutputError(
    `${path} holds rows made with \`${name}\` ${format(there)}, but this run has ${format(here)}. Use another folder, or --force to replace them`,
  )
}

/**
 * @throws OutputError if a function of the run has no version, or a model no hash: a changed one would go unnoticed
 */
export function checkVersions(folder: string, { missingVersions = [] }: RunMeta): void {
  if (missingVersions.length === 0) return
  throw new OutputError(
    `${folder} holds rows, and no version or hash shows that this run would make the same ones: ${missingVersions.join(', ')}. Use another folder, or \`force\` to replace the rows`,
  )
}
