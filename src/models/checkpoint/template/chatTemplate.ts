import { createContext, Script } from 'node:vm'
import { Environment, Interpreter, Template } from '@huggingface/jinja'
import { messageOf, TemplateError } from '../../../core/errors.js'
import type { Message } from '../../../core/prompt.js'
import { pythonStrips, stripFunctions } from './pythonStrips.js'
import { strftime } from './strftime.js'

export type ChatTemplateOptions = Readonly<{
  /** Jinja source; absent where the model has no chat template. */
  source?: string
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

/** Jinja's own limit, in its sandbox. */
const LONGEST_RANGE = 100_000
/** Rendering a prompt takes microseconds; what takes so long would never end. */
const TIMEOUT_MS = 10_000

/** What Jinja's `range` gives, for templates that count. */
function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end]
  if (step === 0) throw new TypeError('range() step must not be zero')
  const length = Math.max(0, Math.ceil((to - from) / step))
  if (length > LONGEST_RANGE) throw new RangeError(`range() of ${length} numbers, at most ${LONGEST_RANGE} are allowed`)
  return Array.from({ length }, (_, index) => from + index * step)
}

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

/** The library's own globals cannot be replaced, and its clock speaks the machine's language: all of them are set here. */
function environmentOf(variables: Readonly<Record<string, unknown>>): Environment {
  const environment = new Environment()
  const constants = { true: true, True: true, false: false, False: false, none: null, None: null, range }
  for (const [name, value] of Object.entries({ ...variables, ...constants })) environment.set(name, value)
  return environment
}

function parsed(source: string): Template {
  const template = new Template(source)
  pythonStrips(template.parsed.body)
  return template
}

/**
 * A chat template as a function: messages to the text of a prompt with an open reply at its end. Variables are those that
 * transformers passes (`tools` and `documents` are None). The template is parsed at its first use, so that a model whose
 * template cannot be parsed still serves plain prompts. Known differences, which templates hardly meet: what is not defined has
 * properties (not defined, either), and None, true, false and lists are written as JSON writes them; what else the library lacks is
 * an error.
 *
 * @throws TemplateError (from the function) when there is no template, it refuses the messages, or it fails
 * @see transformers 5 utils/chat_template_utils.py `render_jinja_template`
 */
export function chatTemplate(options: ChatTemplateOptions): (messages: readonly Message[]) => string {
  const { source, others, specialTokens, folder, now, timeoutMs = TIMEOUT_MS } = options
  let template: Template | undefined
  let timed: ReturnType<typeof within> | undefined
  return (messages) => {
    if (source === undefined)
      throw new TemplateError(
        `Expected a chat template in ${folder} (chat_template.jinja, or chat_template in tokenizer_config.json), found ${others.length > 0 ? `only those named ${others.join(', ')}` : 'none'}: this model takes plain prompts only`,
      )
    try {
      // Jinja reads every kind of line end as one newline.
      template ??= parsed(source.replace(/\r\n?/g, '\n'))
      const environment = environmentOf({
        ...Object.fromEntries([...specialTokens, ...stripFunctions]),
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
        tools: null,
        documents: null,
        strftime_now: (format: string) => strftime(now(), format),
        raise_exception: (reason: string) => {
          throw new TemplateError(`The chat template of ${folder} refuses the messages: ${reason}`)
        },
      })
      const { parsed: program } = template
      timed ??= within(timeoutMs)
      return timed(() => String(new Interpreter(environment).run(program).value))
    } catch (error) {
      if (error instanceof TemplateError) throw error
      throw new TemplateError(`The chat template of ${folder} cannot be rendered: ${messageOf(error)}`)
    }
  }
}
