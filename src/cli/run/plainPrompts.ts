import type { TextCodec } from '../../core/model.js'
import type { Prompt } from '../../core/prompt.js'
import type { GenerateFlags } from '../flags/generateFlags.js'

/** A text that no template contains. */
const MARK = '\u{10fffd}rxargs\u{10fffd}'

/**
 * Passes prompts on. Warns once if a plain prompt bypasses the chat template of the model. A text that ends with the template's
 * opening of a reply has been formatted already.
 */
export async function* plainPrompts(
  prompts: AsyncIterable<Prompt>,
  { template, dataset }: Pick<GenerateFlags, 'template' | 'dataset'>,
  { render }: Pick<TextCodec, 'render'>,
  say: (notice: string) => void,
): AsyncGenerator<Prompt> {
  const opening = openingOf(render)
  let isSaid = opening === '' || template !== 'auto' || dataset !== undefined
  for await (const prompt of prompts) {
    const text = prompt.content?.text
    if (!isSaid && text !== undefined && !text.trimEnd().endsWith(opening)) {
      isSaid = true
      say(
        `Prompt \`${prompt.id}\` bypasses the chat template of the model: \`--template chat\` applies it to plain prompts, \`none\` silences this`,
      )
    }
    yield prompt
  }
}

/** Text that the template writes between a message and its reply. Empty without a template, or if it refuses or changes the message. */
function openingOf(render: TextCodec['render']): string {
  try {
    const rendered = render([{ role: 'user', content: MARK }])
    const at = rendered.lastIndexOf(MARK)
    return at === -1 ? '' : rendered.slice(at + MARK.length).trim()
  } catch {
    return ''
  }
}
