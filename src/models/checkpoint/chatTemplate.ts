import { Template } from '@huggingface/jinja'
import { messageOf, TemplateError } from '../../core/errors.js'
import type { Message } from '../../core/types.js'

export type ChatTemplateOptions = Readonly<{
  /** Jinja source; absent where the model has no chat template. */
  source?: string
  /** Special tokens by their name in templates: `bos_token` and so on. */
  specialTokens: ReadonlyMap<string, string>
  /** Where the template came from, for messages. */
  folder: string
  /** For templates that tell the date. */
  now: () => Date
}>

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const two = (value: number): string => String(value).padStart(2, '0')

const FIELDS: ReadonlyMap<string, (date: Date) => string> = new Map<string, (date: Date) => string>([
  ['Y', (date) => String(date.getFullYear())],
  ['y', (date) => two(date.getFullYear() % 100)],
  ['m', (date) => two(date.getMonth() + 1)],
  ['d', (date) => two(date.getDate())],
  ['H', (date) => two(date.getHours())],
  ['M', (date) => two(date.getMinutes())],
  ['S', (date) => two(date.getSeconds())],
  ['B', (date) => MONTHS[date.getMonth()]!],
  ['b', (date) => MONTHS[date.getMonth()]!.slice(0, 3)],
  ['A', (date) => DAYS[date.getDay()]!],
  ['a', (date) => DAYS[date.getDay()]!.slice(0, 3)],
  ['%', () => '%'],
])

/** Python's strftime in its C locale: a rendered prompt does not depend on the language of the machine. */
const strftime = (date: Date, format: string): string =>
  format.replace(/%([A-Za-z%])/g, (written, letter: string) => FIELDS.get(letter)?.(date) ?? written)

/**
 * A chat template as a function: messages to the text of a prompt with an open reply at its end. Variables are those that
 * transformers passes (`tools` and `documents` are None). The template is parsed at its first use, so that a model whose
 * template cannot be parsed still serves plain prompts.
 *
 * @throws TemplateError (from the function) when there is no template, it refuses the messages, or it fails
 * @see transformers 5 utils/chat_template_utils.py `render_jinja_template`
 */
export function chatTemplate(options: ChatTemplateOptions): (messages: readonly Message[]) => string {
  const { source, specialTokens, folder, now } = options
  let template: Template | undefined
  return (messages) => {
    if (source === undefined)
      throw new TemplateError(
        `Expected a chat template in ${folder} (chat_template.jinja, or chat_template in tokenizer_config.json), found none: this model takes plain prompts only`,
      )
    try {
      // Jinja reads every kind of line end as one newline.
      template ??= new Template(source.replace(/\r\n?/g, '\n'))
      return template.render({
        ...Object.fromEntries(specialTokens),
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
        tools: null,
        documents: null,
        strftime_now: (format: string) => strftime(now(), format),
        raise_exception: (reason: string) => {
          throw new TemplateError(`The chat template of ${folder} refuses the messages: ${reason}`)
        },
      })
    } catch (error) {
      if (error instanceof TemplateError) throw error
      throw new TemplateError(`The chat template of ${folder} cannot be rendered: ${messageOf(error)}`)
    }
  }
}
