import { createContext, Script } from 'node:vm'
import { messageOf, TemplateError } from '../../../core/errors.js'
import type { Message, TemplateVariables } from '../../../core/text/conversation.js'
import { JsonObject } from '../../../core/text/json.js'
import { jinjaTemplate } from '../jinja/jinjaTemplate.js'

import { strftime } from './strftime.js'

export type ChatTemplateOptions = Readonly<{
  /** Jinja source; absent where the model has no chat template. */
  source?: string
  /** The template for prompts with tools, where it is another. */
  toolSource?: string
  /** Names of templates that the model has instead. */
  others: readonly string[]
  /** Special tokens by their name in templates: `bos_token` and so on. */
  specialTokens: ReadonlyMap<string, string>
  /** Where the template came from, for messages. */
  folder: string
  /** For templates that tell the date. */
  now: () => Date
  /** How long a template may take. */
  timeoutMs?: number
}>

/** Rendering a prompt takes microseconds; what takes so long would never end. */
const TIMEOUT_MS = 10_000

/** What a run decides itself, under the names that transformers has for it. */
const OWN = [
  ...['messages', 'conversation', 'tools', 'add_generation_prompt', 'continue_final_message', 'chat_template'],
  ...['tokenize', 'padding', 'truncation', 'max_length', 'return_tensors', 'return_dict', 'return_assistant_tokens_mask'],
  ...['tokenizer_kwargs', 'sanitize_control_tokens'],
] as const

/** Names of a message's reasoning, the first of which templates read. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const

/** A function that runs what may never end, for so long at most. */
function within(timeoutMs: number): <T>(work: () => T) => T {
  const script = new Script('work()')
  const sandbox: { work?: () => unknown } = {}
  const context = createContext(sandbox)
  return <T>(work: () => T): T => {
    sandbox.work = work
    try {
      return script.runInContext(context, { timeout: timeoutMs }) as T
    } catch (error) {
      // It is an error of the context, not an instance of this one's.
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
        throw new RangeError(`it does not come to an end within ${timeoutMs} ms`)
      throw error
    }
  }
}

/** A message as transformers hands it on: without keys that are null, its reasoning under the names that templates read. */
function normalized(message: Message): ReadonlyMap<string, unknown> {
  const given = new Map<string, unknown>(Object.entries(message).filter(([, value]) => value !== null && value !== undefined))
  const reasoning = REASONING.map((name) => given.get(name)).find((value) => value !== undefined)
  if (reasoning === undefined) return given
  return new Map([['thinking', reasoning], ...given, ['reasoning_content', reasoning]])
}

/** @throws TemplateError for a variable that the run decides */
function variablesOf(given: TemplateVariables['chatTemplateKwargs'] = {}): Record<string, unknown> {
  const variables = Object.fromEntries<unknown>(given instanceof JsonObject ? given : Object.entries(given))
  const own = OWN.find((name) => Object.hasOwn(variables, name))
  if (own !== undefined)
    throw new TemplateError(
      `Expected \`chat_template_kwargs\` to hold variables of the chat template, got \`${own}\`, which the run decides`,
    )
  return variables
}

/**
 * A chat template as a function: messages to the text of a prompt with an open reply at its end. Variables are those that transformers
 * passes, and the prompt's own. The template is parsed at its first use, so that a model whose template cannot be parsed still serves
 * plain prompts.
 *
 * @throws TemplateError (from the function) when there is no template, it refuses the messages, or it fails
 * @see transformers 5 utils/chat_template_utils.py `render_jinja_template`
 */
export function chatTemplate(
  options: ChatTemplateOptions,
): (messages: readonly Message[], variables?: TemplateVariables) => string {
  const { source, toolSource, others, specialTokens, folder, now, timeoutMs = TIMEOUT_MS } = options
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
        `Expected a chat template in ${folder} (chat_template.jinja, or chat_template in tokenizer_config.json), found ${others.length > 0 ? `only those named ${others.join(', ')}` : 'none'}: this model takes plain prompts only`,
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
        throw new TemplateError(`The chat template of ${folder} refuses the messages: ${reason}`)
      }
      timed ??= within(timeoutMs)
      return timed(() => template(variables, { tell, refuse }))
    } catch (error) {
      if (error instanceof TemplateError) throw error
      throw new TemplateError(`The chat template of ${folder} cannot be rendered: ${messageOf(error)}`)
    }
  }
}
