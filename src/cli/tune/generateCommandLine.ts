import type { SweepPoint } from '../../../pipelines/evaluation/sweep.js'
import { flagsOfDecoders } from '../flags/flags.js'

/** A flag as the user wrote it; no value for a switch. */
export type GivenFlag = Readonly<{ flag: string; value: string | undefined }>

/** Flags of `tune` that `generate` does not have, or that belong to the validation runs. */
const OWN = [
  'judge',
  'judge-label',
  'judge-end-token',
  'k',
  'weight',
  'output',
  'limit',
  'force',
  'retry-errors',
  'redo-changed',
  'format',
  'json',
]

/** Flags of a decoder, which greedy decoding does not take. */
const DECODER = ['decoder', 'pipeline', 'use']

/** Quotes a word for a POSIX shell. */
const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** The command of `generate` with a setting and the other flags of `tune` as the user wrote them; without a setting, greedy decoding. */
export function generateCommandLine(input: string, given: readonly GivenFlag[], point: SweepPoint | undefined): string {
  const left = new Set([...OWN, ...(point ? [] : [...DECODER, ...flagsOfDecoders().map(({ flag }) => flag)])])
  const kept = given.filter(({ flag }) => !left.has(flag.slice(2)))
  const setting = point ? ['--k', String(point.k), '--weight', String(point.weight)] : ['--decoder', 'greedy']
  const words = [input, ...kept.flatMap(({ flag, value }) => (value === undefined ? [flag] : [flag, value])), ...setting]
  return ['npx rxargs generate', ...words.map(quote), '-o out/'].join(' ')
}
