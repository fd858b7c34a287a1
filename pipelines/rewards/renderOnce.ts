import type { TextCodec } from '../../src/core/model.js'
import type { PromptContent } from '../../src/core/text/conversation.js'
import { promptText } from '../../src/core/text/promptText.js'

/**
 * Returns the text of a prompt; messages are rendered with the codec's chat template. Each prompt is rendered once, because rendering is
 * slow and a template that reads the clock would change its text.
 */
export function renderOnce(codec: Pick<TextCodec, 'render'>) {
  const rendered = new WeakMap<PromptContent, string>()
  return (prompt: PromptContent): string => {
    const text = rendered.get(prompt) ?? promptText(prompt, (messages, variables) => codec.render(messages, variables))
    rendered.set(prompt, text)
    return text
  }
}
