import type { ModelKind } from '../../../src/core/registryEntry.js'
import type { CheckedStep } from './decoderFromSpec.js'

/** Writes checked steps as a TypeScript module that exports the same decoder. */
export function typeScriptOf(name: string, steps: readonly CheckedStep[]): string {
  const own = steps.filter(({ operator }) => operator.from !== undefined)
  const imported = [...new Set(steps.filter((step) => !own.includes(step)).map((step) => step.name)), 'steps']
  const models = new Set<string>()
  const model = (part: string): string => {
    models.add(part)
    return own.length > 0 ? `models.${part}` : part
  }
  const call = ({ name: operator, operator: { models: kinds, from }, options }: CheckedStep): string => {
    if (from !== undefined) return `operators.${operator}.make(${object(options) || '{}'}, models)`
    const taken = Object.entries(kinds).map(([option, kind]) => {
      const found = ofModels(kind, options[option], model)
      return found === option ? option : `${option}: ${found}`
    })
    const data = Object.entries(options).filter(([option]) => !(option in kinds))
    return `${operator}(${object(Object.fromEntries(data), taken)})`
  }
  const lines = steps.map((step) => `  ${call(step)},`)
  const parameter = own.length > 0 ? 'models' : models.size > 0 ? `{ ${[...models].join(', ')} }` : ''
  const sorted = imported.sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  return [
    `import { type Decoder, ${sorted.join(', ')} } from 'rxargs'`,
    ...new Set(own.map(({ operator }) => `import { operators } from ${quote(operator.from!)}`)),
    '',
    `export const ${identifier(name)}: Decoder = (${parameter}) => steps(`,
    ...lines,
    ')',
  ].join('\n')
}

/** Writes the expression for a part of the models: `reward`, `rewards.get('safe')`, `lm.codec`. */
function ofModels(kind: ModelKind, name: unknown, model: (part: string) => string): string {
  if (kind === 'codec' || kind === 'endTokenIds') return `${model('lm')}.${kind}`
  return name === undefined ? model(kind) : `${model(`${kind}s`)}.get(${quote(String(name))})`
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`

/** Writes a search as a TypeScript module that exports it. */
export const searchTypeScriptOf = (name: string, search: string, options: Readonly<Record<string, unknown>>): string => {
  const exported = identifier(name)
  const own = exported === search ? 'mine' : exported
  return `import { ${search} } from 'rxargs'\n\nexport const ${own} = ${search}(${object(options)})`
}

/** Writes an options object; an empty text without options. */
function object(options: Readonly<Record<string, unknown>>, first: readonly string[] = []): string {
  const fields = [...first, ...Object.entries(options).map(([name, value]) => `${name}: ${literal(value)}`)]
  return fields.length === 0 ? '' : `{ ${fields.join(', ')} }`
}

function literal(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const key = (name: string): string => (/^[A-Za-z_$][\w$]*$|^\d+$/.test(name) ? name : quote(name))
  return `{ ${Object.entries(value)
    .map(([name, item]) => `${key(name)}: ${literal(item)}`)
    .join(', ')} }`
}

/** `args-pruned` → `argsPruned` */
function identifier(name: string): string {
  const camel = name.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter: string = '') => letter.toUpperCase())
  return /^[A-Za-z]/.test(camel) ? camel : 'decoder'
}
