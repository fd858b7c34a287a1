import type { ServerInfo } from './serverInfo.js'
import {
  isWithin,
  labelOf,
  type NumberRange,
  type Options,
  optionsOf,
  type PageSettings,
  rangeOf,
  rangeOfK,
  ranges,
  weightRange,
} from './settings.js'

/** Why settings cannot run, as a line for the reader. Undefined if they can. */
export function problemOf(settings: PageSettings, server: ServerInfo | undefined): string | undefined {
  return textProblem(settings) ?? numbersOf(settings, server).flatMap(numberProblem)[0]
}

function textProblem({ mode, prompt, messages }: PageSettings): string | undefined {
  if (mode === 'prompt') return prompt === '' ? 'Expected a prompt, got an empty one' : undefined
  if (messages.length === 0) return 'Expected a message, got none'
  const empty = messages.findIndex(({ content }) => content.trim() === '')
  return empty < 0 ? undefined : `Expected message ${empty + 1} to have text, got an empty one`
}

type NamedNumber = readonly [name: string, value: unknown, range: NumberRange]

function numbersOf(
  { decoder, k, temperature, maxTokens, seed, rewards, options }: PageSettings,
  server: ServerInfo | undefined,
): readonly NamedNumber[] {
  return [
    ['k', k, rangeOfK(server)],
    ['Temperature', temperature, ranges.temperature],
    ['Max tokens', maxTokens, ranges.maxTokens],
    ['Seed', seed, ranges.seed],
    ...rewards.map(({ name, weight }): NamedNumber => [`Weight of ${name}`, weight, weightRange]),
    ...rewards.flatMap(({ name, function: of, options: own = {} }) => {
      const schemas = server?.functions.find((each) => each.name === of)?.options.properties
      return numbersIn(own, Object.entries(schemas ?? {}), (option) => `${option} of ${name}`)
    }),
    ...numbersIn(options, optionsOf(server?.decoders.find(({ name }) => name === decoder)), labelOf),
  ]
}

const numbersIn = (options: Options, schemas: ReturnType<typeof optionsOf>, nameOf: (option: string) => string): NamedNumber[] =>
  schemas.flatMap(([name, schema]) => {
    const value = options[name]
    return typeof value === 'number' ? [[nameOf(name), value, rangeOf(schema)]] : []
  })

function numberProblem([name, value, range]: NamedNumber): string[] {
  if (typeof value === 'number' && isWithin(value, range)) return []
  return [`Expected \`${name}\` to be ${range.expected}, got ${Number.isNaN(value) ? 'no number' : value}`]
}
