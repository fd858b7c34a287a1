import type { Filter } from '../arguments.js'
import { mapWith, sequenceFilters } from './sequenceFilters.js'
import { textFilters } from './textFilters.js'

const OTHERS = 'filesizeformat pprint random slice striptags urlencode urlize wordwrap xmlattr'.split(' ')
const FILTERS: Readonly<Record<string, Filter>> = { ...textFilters, ...sequenceFilters, map: mapWith(filterOf) }

/** @throws Error for a filter that does not exist or is not supported */
export function filterOf(name: string): Filter {
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined
  if (filter) return filter
  throw new Error(OTHERS.includes(name) ? `the filter ${name} is not supported` : `No filter named '${name}'.`)
}
