import { OutputError } from '../../core/errors.js'
import type { RunMeta } from '../../core/run.js'

type Difference = Readonly<{ name: string; held: unknown; asked: unknown }>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** The first place where two values differ, as `steps[2].combineScore.weight`. A missing field equals `undefined` and `null`. */
export function firstDifference(held: unknown, asked: unknown, name = ''): Difference | undefined {
  if (!isObject(held) || !isObject(asked) || Array.isArray(held) !== Array.isArray(asked)) {
    return Object.is(held ?? null, asked ?? null) ? undefined : { name, held, asked }
  }
  for (const key of new Set([...Object.keys(held), ...Object.keys(asked)])) {
    const inner = Array.isArray(held) ? `${name}[${key}]` : name ? `${name}.${key}` : key
    const found = firstDifference(held[key], asked[key], inner)
    if (found) return found
  }
  return undefined
}

/** What decides a run's answers: where a model lies on the disk, unless it is behind an address, and the version of this package do not. */
const decisive = ({ spec, seed, models }: RunMeta) => ({
  ...spec,
  seed,
  ...Object.fromEntries(
    Object.entries(models).flatMap(([role, { path, sha256 = path, dtype = 'fp32', label, model }]) => [
      [`model ${role}`, sha256],
      [`dtype of ${role}`, dtype],
      [`label of ${role}`, label],
      [`model of ${role}`, model],
    ]),
  ),
})

const shown = (value: unknown): string => (value === undefined || value === null ? 'none' : JSON.stringify(value))

/**
 * @throws OutputError when rows of another run would be mixed with this one's: which option differs, and both values
 */
export function sameRun(path: string, held: RunMeta, asked: RunMeta): void {
  // What was written went through JSON; so does what is asked for.
  const difference = firstDifference(decisive(held), decisive(JSON.parse(JSON.stringify(asked)) as RunMeta))
  if (difference === undefined) return
  const { name, held: there, asked: here } = difference
  throw new OutputError(
    `Expected the options of the rows that are there: ${path} has \`${name}\` ${shown(there)}, this run ${shown(here)}; use another folder, or --force to replace them`,
  )
}
