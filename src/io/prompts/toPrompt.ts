import type { Overrides, Prompt } from '../../core/prompt.js'
import type { PromptContent } from '../../core/text/conversation.js'
import { JsonNumber, toPlain } from '../../core/text/json.js'
import { conversationOf, templateColumns, templateVariables } from './conversation.js'
import { type Dataset, readings } from './datasets.js'
import type { InputRecord } from './readRecords.js'
import { formatValue, isText, Unfit, wellFormed } from './unfit.js'

/**
 * How a row becomes a prompt. `auto` puts `messages` through the model's chat template and leaves a plain prompt as it is, `none` leaves it
 * as it is, `hh` makes it a turn of HH-RLHF that stops at the next turn, `chat` makes it a user message.
 */
export type Template = 'auto' | 'none' | 'hh' | 'chat'

export const templates: readonly Template[] = ['auto', 'none', 'hh', 'chat']

export type PromptOptions = Readonly<{
  /** Which chat template plain prompts are put into (`auto`). */
  template?: Template | undefined
  /** Column of the prompt. With this option it has priority over `messages`. */
  promptColumn?: string | undefined
  /** Reads the rows as this dataset, with its columns, wrapping and stops; replaces template and column. */
  dataset?: Dataset | undefined
  /** Puts the row's own columns into the prompt's `input`. */
  keepInput?: boolean | undefined
}>

/** A file with columns needs one of these. */
export function promptColumns({ promptColumn, dataset }: PromptOptions): readonly string[] {
  if (dataset !== undefined) return readings[dataset].prompts
  return promptColumn === undefined ? ['prompt', 'messages'] : [promptColumn]
}

function idOf(value: unknown, place: string): string {
  if (value === undefined || value === null) return place
  if (isText(value)) return wellFormed('id', value)
  if ((typeof value === 'number' && Number.isFinite(value)) || typeof value === 'bigint' || value instanceof JsonNumber)
    return String(value)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toJSON()
  throw new Unfit(`\`id\` to be text, a number or a date, got ${formatValue(value)}`)
}

function stopOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (!list.every(isText)) throw new Unfit(`\`stop\` to be text or a list of texts, not empty, got ${formatValue(value)}`)
  return list.map((text) => wellFormed('stop', text))
}

const overriding = {
  pipeline: 'pipeline',
  weight: 'weight',
  k: 'k',
  temperature: 'temperature',
  seed: 'seed',
  max_new_tokens: 'maxNewTokens',
  max_prompt_tokens: 'maxPromptTokens',
  truncate: 'truncate',
} as const satisfies Readonly<Record<string, keyof Overrides>>

/** Columns that set options of their row. */
export const overrideColumns = Object.keys(overriding) as readonly (keyof typeof overriding)[]

/** Columns that are one of these in camelCase or kebab-case, with the column's own name. */
const misspelt: ReadonlyMap<string, string> = new Map(
  [...overrideColumns, ...templateColumns]
    .filter((column) => column.includes('_'))
    .flatMap((column) => [
      [column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), column],
      [column.replaceAll('_', '-'), column],
    ]),
)

/** Columns to read for a row's own options, those that are refused for their spelling included. */
export const settingColumns: readonly string[] = [...overrideColumns, ...misspelt.keys()]

function checkSpelling(values: Readonly<Record<string, unknown>>): undefined {
  for (const [column, own] of misspelt)
    if ((values[column] ?? null) !== null) throw new Unfit(`\`${own}\` as the name of a column, got \`${column}\``)
}

/** Reads a row's settings as plain values. Decoding checks them. */
function overridesOf(values: Readonly<Record<string, unknown>>): Overrides | undefined {
  const columns = overrideColumns.filter((column) => (values[column] ?? null) !== null)
  if (columns.length === 0) return undefined
  return Object.fromEntries(
    columns.map((column) => {
      const value = values[column]
      return [overriding[column], typeof value === 'bigint' ? Number(value) : toPlain(value)]
    }),
  )
}

/** Stop string of `hh`, besides the row's own: the human's next turn. */
const HH_STOP = '\n\nHuman:'

type Found = Readonly<{ content: PromptContent; stop?: readonly string[]; userMessage?: string }>

function contentOf({ values = {} }: InputRecord, options: PromptOptions): Found {
  const { template = 'auto', promptColumn, dataset } = options
  if (dataset !== undefined) {
    const found = readings[dataset].prompt(values)
    if ('unfit' in found) throw new Unfit(found.unfit)
    return { content: { text: wellFormed('prompt', found.text) }, ...(found.stop && { stop: found.stop }) }
  }
  const name = promptColumn ?? 'prompt'
  if (template === 'auto' && promptColumn === undefined && (values.messages ?? null) !== null) {
    return { content: conversationOf('messages', values) }
  }
  const prompt = values[name]
  if (template === 'auto' && Array.isArray(prompt)) return { content: conversationOf(name, values) }
  if (!isText(prompt)) {
    const hint = (prompt ?? null) === null && Array.isArray(values.messages) ? '; messages are read with the template auto' : ''
    throw new Unfit(`\`${name}\` to be text that is not empty, got ${formatValue(prompt)}${hint}`)
  }
  const text = wellFormed(name, prompt)
  if (template === 'chat') return { content: { messages: [{ role: 'user', content: text }], ...templateVariables(values) } }
  const unused = templateColumns.find((column) => (values[column] ?? null) !== null)
  if (unused !== undefined)
    throw new Unfit(`messages beside \`${unused}\`, which is for a chat template, got a prompt that is text`)
  if (template === 'hh') {
    return { content: { text: `\n\nHuman: ${text}\n\nAssistant:` }, stop: [HH_STOP], userMessage: text }
  }
  return { content: { text } }
}

const attempt = <T>(make: () => T): T | Unfit => {
  try {
    return make()
  } catch (error) {
    if (error instanceof Unfit) return error
    throw error
  }
}

/** Turns a row of an input into a prompt. An unusable row keeps its id and gets an error with file, line and what was expected. */
export function toPrompt(record: InputRecord, options: PromptOptions = {}): Prompt {
  const { place, where, values, problem } = record
  if (values === undefined) return { id: place, place, error: problem }
  const idColumn = options.dataset === undefined ? 'id' : readings[options.dataset].id
  const id = attempt(() => idOf(values[idColumn], place))
  const found = attempt(() => contentOf(record, options))
  const stop = attempt(() => stopOf(values.stop))
  const spelling = options.dataset === undefined ? attempt(() => checkSpelling(values)) : undefined
  const unfit = [id, found, stop, spelling].find((part) => part instanceof Unfit)
  const kept = options.keepInput ? { input: values } : {}
  if (id instanceof Unfit || found instanceof Unfit || stop instanceof Unfit || spelling) {
    return { id: id instanceof Unfit ? place : id, place, error: `${where}: Expected ${unfit?.message}`, ...kept }
  }
  const stops = found.stop ? [...new Set([...(stop ?? []), ...found.stop])] : stop
  const overrides = overridesOf(values)
  const { content, userMessage } = found
  return {
    id,
    place,
    content,
    ...(userMessage !== undefined && { userMessage }),
    ...(stops && { stop: stops }),
    ...(overrides && { overrides }),
    ...kept,
  }
}
