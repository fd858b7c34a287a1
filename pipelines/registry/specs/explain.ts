import { stringify } from 'yaml'
import { OptionError } from '../../../src/core/errors.js'
import type { Need } from '../../../src/core/model.js'
import type { DecoderSpec } from '../../../src/core/step.js'
import type { Search } from '../../decoding/decode.js'
import { builtIn, type Registry } from '../registry.js'
import { searches } from '../searchRegistry.js'
import { type CheckedStep, checkedSteps } from './decoderFromSpec.js'
import { searchKey } from './searchFromSpec.js'
import { boundWithoutModels } from './specOf.js'
import { searchTypeScriptOf, typeScriptOf } from './typeScriptOf.js'

export type Explained = Readonly<{ name: string; about?: string; spec: DecoderSpec; need: Need; registry?: Registry }>

/**
 * Describes a decoder for people: its steps as YAML, the fields that flow between them, what it needs from the models, and the same in
 * TypeScript.
 *
 * @throws OptionError as `checkedSteps`
 */
export function explain({ name, about, spec, need, registry = builtIn }: Explained): string {
  const steps = checkedSteps(spec, registry)
  return [
    about ? `${name}: ${about}` : name,
    indent(['steps:', ...spec.steps.map(yamlOf)].join('\n')),
    'What flows:',
    indent(align(flow(steps)).join('\n')),
    `Needs: ${needs(steps, need)}`,
    'In TypeScript:',
    indent(typeScriptOf(name, steps)),
  ].join('\n\n')
}

const yamlOf = (step: DecoderSpec['steps'][number]): string => {
  const [name, options] = Object.entries(step)[0]!
  return `  - ${name}: ${stringify(options, { collectionStyle: 'flow', lineWidth: 0 }).trim()}`
}

/** Lists each step with the fields that it adds (+), changes (~) and drops (−). */
function flow(steps: readonly CheckedStep[]): [string, string][] {
  const fields = new Set(['logits'])
  const lines = steps.map(({ name, operator, options }): [string, string] => {
    const { adds, drops, changes } = operator
    const changed = changes.filter((field) => fields.has(field) && !(field in adds))
    for (const field of drops) fields.delete(field)
    for (const field of Object.keys(adds)) fields.add(field)
    const parts = [
      ...Object.entries(adds).map(([field, shape]) => `+ ${field} ${fillShape(shape, options)}`),
      ...changed.map((field) => `~ ${field}`),
      ...drops.map((field) => `− ${field}`),
    ]
    return [name, parts.join(', ')]
  })
  return [['', '  sequence, logits Float32[V]'], ...lines]
}

/** Replaces `k` in `Int32[k]` by its value. */
const fillShape = (shape: string, options: Readonly<Record<string, unknown>>): string =>
  shape.replace(/\[(\w+)\]/g, (whole, name: string) => (options[name] === undefined ? whole : `[${options[name]}]`))

const nouns: Readonly<Record<string, string>> = { reward: 'reward', lm: 'language model' }

function needs(steps: readonly CheckedStep[], need: Need): string {
  const models = steps.flatMap(({ operator, options }) =>
    Object.entries(operator.models)
      .filter(([option, kind]) => kind === 'reward' || (kind === 'lm' && options[option] !== undefined))
      .map(([option, kind]) => (options[option] === undefined ? `a ${kind}` : `the ${nouns[kind]} \`${options[option]}\``)),
  )
  const logits =
    need === 'all'
      ? 'the logits of all tokens'
      : `the logits of the ${need === 1 ? 'likeliest token' : `${need} likeliest tokens`}`
  return [logits, ...new Set(models)].join(', ')
}

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n')

function align(lines: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`.trimEnd())
}

/**
 * Describes a search for people: as YAML with all options, what it needs from the models, and the same in TypeScript.
 *
 * @throws OptionError for a search that is not in the registry
 */
export function explainSearch(name: string, search: Search): string {
  const { entry, need = 'all' } = boundWithoutModels(search)
  if (entry === undefined) throw new OptionError(`Expected a search of the registry to explain, got \`${name}\``)
  const key = searchKey(entry.name)
  const { about, options, needsReward } = searches[entry.name]!
  const logits = need === 'all' ? 'the logits of all tokens' : `the logits of the ${need} likeliest tokens`
  return [
    `${name}: ${about}`,
    `  search:\n    ${key}: ${searchFlow(entry.options)}`,
    'What flows: a prompt, then the steps of the best reply',
    `Needs: ${logits}${needsReward ? ', a reward' : ''}`,
    `Defaults: ${searchFlow(options.parse({}))}`,
    'In TypeScript:',
    searchTypeScriptOf(name, key, entry.options).replace(/^(?=.)/gm, '  '),
  ].join('\n\n')
}

const searchFlow = (options: unknown): string => stringify(options, { collectionStyle: 'flow', lineWidth: 0 }).trim()
