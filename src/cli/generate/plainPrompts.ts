import type { TextCodec } from '../../core/model.js'
import type { Prompt } from '../../core/prompt.js'

/** In no template. */
const MARK = '\u{10fffd}rxargs\u{10fffd}'

/**
 * The same prompts. Says once when one is plain text that is passed on as it stands, where the model's chat template would have put it into a form that the
 * model was trained on: text that already ends as the template opens a reply is in that form.
 */
export async function* plainPrompts(
  prompts: AsyncIterable<Prompt>,
  { render }: Pick<TextCodec, 'render'>,
  say: (notice: string) => void,
): AsyncGenerator<Prompt> {
  const opening = openingOf(render)
  let said = opening === ''
  for await (const prompt of prompts) {
    const text = prompt.content?.text
    if (!said && text !== undefined && !text.trimEnd().endsWith(opening)) {
      said = true
      say(
        `Prompt \`${prompt.id}\` is passed on as it stands, and the model has a chat template: \`--template chat\` puts plain prompts into it, \`none\` keeps them`,
      )
    }
    yield prompt
  }
}

/** What the template writes between a message and its reply; nothing where there is no template, or it refuses or changes the message. */
function openingOf(render: TextCodec['render']): string {
  try {
    const rendered = render([{ role: 'user', content: MARK }])
    const at = rendered.lastIndexOf(MARK)
    return at === -1 ? '' : rendered.slice(at + MARK.length).trim()
  } catch {
    return ''
  }
}
