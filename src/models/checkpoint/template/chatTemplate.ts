import { createContext, Script } from 'node:vm'
import { messageOf, TemplateError } from '../../../core/errors.js'
import type { Message, TemplateVariables } from '../../../core/text/conversation.js'
import { JsonObject } from '../../../core/text/json.js'
import { jinjaTemplate } from '../jinja/jinjaTemplate.js'

import { strftime } from './strftime.js'

export type ChatTemplateOptions = Readonly<{
  /** Jinja source; absent if the model has no chat template. */
  source?: string
  /** The template for prompts with tools, if it is a different one. */
  toolSource?: string
  /** Names of the model's other templates. */
  others: readonly string[]
  /** Special tokens by their names in templates, such as `bos_token`. */
  specialTokens: ReadonlyMap<string, string>
  /** The model's folder, for messages. */
  folder: string
  /** The clock, for templates that write the date. */
  now: () => Date
  /** Time limit of a rendering, in milliseconds of work. */
  timeoutMs?: number
  /** Milliseconds of work that this process has done so far. */
  workedMs?: () => number
}>

/** Rendering takes microseconds. A template that takes this long would never end. */
const TIMEOUT_MS = 10_000

const processWork = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What the run decides itself, under transformers' names. */
const OWN = [
  ...['messages', 'conversation', 'tools', 'add_generation_prompt', 'continue_final_message', 'chat_template'],
  ...['tokenize', 'padding', 'truncation', 'max_length', 'return_tensors', 'return_dict', 'return_assistant_tokens_mask'],
  ...['tokenizer_kwargs', 'sanitize_control_tokens'],
] as const

/** Names for the reasoning of a message. Templates read the first. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const

/**
 * Limits the time of work that may never end. On a busy machine the time may pass while others work. Then the work, which has no effects,
 * starts again.
 */
function within(timeoutMs: number, workedMs: () => number): <T>(work: () => T) => T {
  const script = new Script('work()')
  const sandbox: { work?: () => unknown } = {}
  const context = createContext(sandbox)
  return <T>(work: () => T): T => {
    sandbox.work = work
    const start = workedMs()
    for (;;) {
      try {
        return script.runInContext(context, { timeout: timeoutMs }) as T
      } catch (error) {
        // The error comes from the other context, so `instanceof` does not match.
        const isLate =
          typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
        if (!isLate) throw error
        // Half, because an idle machine gives a little less than the whole time.
        if (workedMs() - start >= timeoutMs / 2) throw new RangeError(`it did not end within ${timeoutMs} ms`)
      }
    }
  }
}

/** A message as transformers passes it to templates: without null keys, and with its reasoning under the names that they read. */
function normalized(message: Message): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(message).filter(([, value]) => value !== null && value !== undefined))
  const reasoning = REASONING.map((name) => fields.get(name)).find((value) => value !== undefined)
  if (reasoning === undefined) return fields
  return new Map([['thinking', reasoning], ...fields, ['reasoning_content', reasoning]])
}

/** @throws TemplateError for a variable that the run sets itself */
function variablesOf(kwargs: TemplateVariables['chatTemplateKwargs'] = {}): Record<string, unknown> {
  const variables = Object.fromEntries<unknown>(kwargs instanceof JsonObject ? kwargs : Object.entries(kwargs))
  const own = OWN.find((name) => Object.hasOwn(variables, name))
  if (own !== undefined)
    throw new TemplateError(
      `Expected \`chat_template_kwargs\` to hold variables of the chat template, got \`${own}\`, which the run decides`,
    )
  return variables
}

/**
 * A chat template as a function: it renders messages as a prompt that ends where the reply begins. It sees transformers' variables and the
 * prompt's own. It is parsed at its first use, so a model with a broken template still serves plain prompts.
 *
 * @throws TemplateError (from the function) when there is no template, or it refuses the messages or fails
 * @see transformers 5 utils/chat_template_utils.py `render_jinja_template`
 */
export function chatTemplate(
  options: ChatTemplateOptions,
): (messages: readonly Message[], variables?: TemplateVariables) => string {
  const { source, toolSource, others, specialTokens, folder, now, timeoutMs = TIMEOUT_MS, workedMs = processWork } = options
  const templates = new Map<string, ReturnType<typeof jinjaTemplate>>()
  const templateOf = (text: string) => {
    const template = templates.get(text) ?? jinjaTemplate(text)
    templates.set(text, template)
    return template
  }
  let timed: ReturnType<typeof within> | undefined
  return (messages, { tools, chatTemplateKwargs } = {}) => {
    const chosen = tools === undefined ? source : (toolSource ?? source)
    if (chosen === undefined)
      throw new TemplateError(
        `Expected a chat template in ${folder} (chat_template.jinja, or chat_template in tokenizer_config.json), found ${others.length > 0 ? `only ${others.join(', ')}` : 'none'}: this model takes plain prompts only`,
        'The model has no chat template: it takes plain prompts only',
      )
    try {
      const template = templateOf(chosen)
      const variables = {
        ...Object.fromEntries(specialTokens),
        documents: null,
        ...variablesOf(chatTemplateKwargs),
        messages: messages.map(normalized),
        add_generation_prompt: true,
        tools: tools ?? null,
      }
      const tell = (format: string) => strftime(now(), format)
      const refuse = (reason: string): never => {
        throw new TemplateError(
          `The chat template of ${folder} refuses the messages: ${reason}`,
          `The chat template refuses the messages: ${reason}`,
        )
      }
      timed ??= within(timeoutMs, workedMs)
      return timed(() => template(variables, { tell, refuse }))
    } catch (error) {
      if (error instanceof TemplateError) throw error
      const reason = messageOf(error)
      throw new TemplateError(
        `The chat template of ${folder} cannot be rendered: ${reason}`,
        `The chat template cannot be rendered: ${reason}`,
      )
    }
  }
}
