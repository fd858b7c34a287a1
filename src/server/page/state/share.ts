import {
  type ChatMessage,
  defaultSettings,
  isWithin,
  type NumberRange,
  numberOf,
  type PageSettings,
  type RewardSetting,
  ranges,
  roles,
} from './settings.js'

/** Settings as the fragment of a link. A fragment is not sent to any server. */
export function fragmentOf(settings: PageSettings): string {
  const { mode, prompt, messages, rewards, options, ...rest } = settings
  const fields = new URLSearchParams({ mode })
  if (mode === 'prompt') fields.set('prompt', prompt)
  else fields.set('messages', JSON.stringify(messages))
  for (const [name, value] of Object.entries(rest)) fields.set(name, String(value))
  fields.set('rewards', JSON.stringify(rewards))
  if (Object.keys(options).length > 0) fields.set('options', JSON.stringify(options))
  return `#${fields}`
}

/**
 * Reads the settings of a link. What it does not say is the default; what it says wrongly is an error, never ignored.
 *
 * @throws Error with a line for the reader
 */
export function linkSettings(fragment: string): PageSettings {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''))
  const foreign = [...fields.keys()].find((name) => !Object.hasOwn(readers, name))
  if (foreign !== undefined) throw new Error(`This link says \`${foreign}\`, which is no setting`)
  const read = [...fields].map(([name, text]) => [name, readers[name as keyof PageSettings](text, name)])
  return { ...defaultSettings, ...Object.fromEntries(read) }
}

const wrong = (name: string, expected: string, got: string): Error =>
  new Error(`Expected \`${name}\` of this link to be ${expected}, got \`${got.slice(0, 80)}\``)

const number =
  (range: NumberRange) =>
  (text: string, name: string): number => {
    const value = numberOf(text)
    if (isWithin(value, range)) return value
    throw wrong(name, range.expected, text)
  }

const list =
  <T>(expected: string, accepts: (one: unknown) => one is T) =>
  (text: string, name: string): readonly T[] => {
    const value = parsed(text)
    if (Array.isArray(value) && value.every(accepts)) return value
    throw wrong(name, expected, text)
  }

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hasOnly = (value: object, names: readonly string[]): boolean => Object.keys(value).every((name) => names.includes(name))

const isMessage = (one: unknown): one is ChatMessage =>
  isObject(one) && hasOnly(one, ['role', 'content']) && typeof one.content === 'string' && roles.some((role) => role === one.role)

const isReward = (one: unknown): one is RewardSetting =>
  isObject(one) &&
  hasOnly(one, ['name', 'weight', 'function', 'options']) &&
  typeof one.name === 'string' &&
  Number.isFinite(one.weight) &&
  (one.function === undefined || typeof one.function === 'string') &&
  (one.options === undefined || isObject(one.options))

/** How each setting is read from text. */
const readers: { readonly [Name in keyof PageSettings]: (text: string, name: string) => PageSettings[Name] } = {
  mode: (text, name) => {
    if (text === 'prompt' || text === 'chat') return text
    throw wrong(name, 'prompt or chat', text)
  },
  prompt: (text) => text,
  messages: list('a list of messages', isMessage),
  decoder: (text) => text,
  k: number(ranges.k),
  temperature: number(ranges.temperature),
  maxTokens: number(ranges.maxTokens),
  seed: number(ranges.seed),
  rewards: list('a list of rewards', isReward),
  options: (text, name) => {
    const value = parsed(text)
    if (isObject(value)) return value
    throw wrong(name, 'options by name', text)
  },
}
