import type * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { didYouMean } from '../../src/core/nearest.js'

/** A registered decoder or search: the schema of its options with defaults, what it needs, and how to make it. */
export type Registered<Made> = Readonly<{
  about: string
  options: z.ZodObject
  /** Whether it needs a reward. */
  needsReward: boolean
  /** Its module, if it is not from this package. */
  from?: string
  make: (options: unknown) => Made
}>

export const entry = <T extends z.ZodObject, Made>(
  about: string,
  options: T,
  needsReward: boolean,
  make: (options: z.input<T>) => Made,
): Registered<Made> => ({
  ...{ about, options, needsReward },
  // The factory checks its options itself.
  make: (values) => make(values as z.input<T>),
})

/** @throws OptionError for an unknown name; it suggests the nearest known one */
export function findEntry<Made>(kind: 'decoder' | 'search', name: string, known: Readonly<Record<string, Registered<Made>>>) {
  if (Object.hasOwn(known, name)) return known[name]!
  const names = Object.keys(known)
  throw new OptionError(`Expected \`${kind}\` to be one of ${names.join(', ')}, got \`${name}\`${didYouMean(name, names)}`)
}

/**
 * Makes a decoder or a search from its name and options. Undefined options count as absent.
 *
 * @throws OptionError for an unknown name, and an unknown or invalid option
 */
export function makeByName<Made>(
  kind: 'decoder' | 'search',
  name: string,
  options: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, Registered<Made>>>,
): Made {
  const { options: schema, make } = findEntry(kind, name, known)
  const values = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const taken = Object.keys(schema.shape)
  const foreign = Object.keys(values).find((option) => !taken.includes(option))
  if (foreign !== undefined)
    throw new OptionError(
      `${kind === 'decoder' ? 'Decoder' : 'Search'} \`${name}\` takes no option \`${foreign}\`; it takes ${taken.join(', ') || 'none'}`,
    )
  return make(values)
}
