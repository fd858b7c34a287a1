import { combineScoreOptions } from '../../../operators/combineScore.js'
import { argsOptions } from '../../../pipelines/decoders/args.js'
import { list, number } from './flags.js'

/** Values of k and weight to try in each combination. */
export type Grid = Readonly<{ k: readonly number[]; weight: readonly number[] }>

/** The flags of a grid as the user wrote them. */
export type GridFlags = Readonly<{ k?: string; weight?: string }>

const schemas = { k: argsOptions.shape.k, weight: combineScoreOptions.shape.weight }

/** The help of `--k` and `--weight` of verbs that take a grid; `about` says what the values are. */
export const gridHelp = (about: Readonly<Record<keyof Grid, string>>, defaults: Grid) => ({
  k: { value: 'numbers', about: `${about.k}, separated by commas (default: ${defaults.k.join(',')})` },
  weight: { value: 'numbers', about: `${about.weight}, separated by commas (default: ${defaults.weight.join(',')})` },
})

/**
 * Reads the flags of a grid.
 *
 * @throws OptionError for a value that is no k or no weight
 */
export const gridOf = (flags: GridFlags, defaults: Grid): Grid => {
  const read = (flag: keyof Grid) => {
    const given = flags[flag]
    return given === undefined ? defaults[flag] : list(number(flag, schemas[flag]))(given)
  }
  return { k: read('k'), weight: read('weight') }
}
