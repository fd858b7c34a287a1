import * as z from 'zod'
import { OptionError } from '../../../src/core/errors.js'
import { didYouMean } from '../../../src/core/nearest.js'
import { parseOptions } from '../../../src/core/parseOptions.js'
import type { NamedSearch, Search } from '../../decoding/decode.js'
import { searchByName, searches } from '../searchRegistry.js'

/** A search as data: its name in code, and its options. */
export type SearchSpec = Readonly<{ name?: string; search: Readonly<Record<string, Readonly<Record<string, unknown>> | null>> }>

const specSchema = z.strictObject({
  name: z.string().min(1).optional().describe('a name'),
  search: z
    .record(z.string(), z.record(z.string(), z.unknown()).nullable())
    .refine((search) => Object.keys(search).length === 1)
    .describe('one search with its options, such as { bestOfN: { n: 8 } }'),
})

/** `best-of-n` → `bestOfN`: the name of a search in code and in data. */
export const searchKey = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

/** Tells whether data describes a search. */
export const isSearchSpec = (spec: unknown): spec is SearchSpec => typeof spec === 'object' && spec !== null && 'search' in spec

/**
 * Checks a search read from data and returns its name on the command line and its options.
 *
 * @throws OptionError, with the place in the spec as its path, for invalid data, an unknown search, and an invalid option
 */
export function checkedSearch(spec: unknown): NamedSearch {
  const [key, options] = Object.entries(parseOptions(specSchema, spec).search)[0]!
  const names = Object.keys(searches)
  const name = names.find((each) => searchKey(each) === key)
  const keys = names.map(searchKey)
  if (name === undefined)
    throw new OptionError(`Expected a search, one of ${keys.join(', ')}, got \`${key}\`${didYouMean(key, keys)}`, ['search', key])
  try {
    parseOptions(searches[name]!.options, options ?? {})
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new OptionError(`\`${key}\`: ${error.message}`, ['search', key, ...error.path])
  }
  return { name, options: options ?? {} }
}

/**
 * Makes a search from data.
 *
 * @throws OptionError as `checkedSearch`; once the models are there, if a reward is missing
 * @example searchFromSpec({ search: { bestOfN: { n: 8 } } })
 */
export function searchFromSpec(spec: unknown): Search {
  const { name, options } = checkedSearch(spec)
  return searchByName(name, options)
}
