import type { TextCodec } from '../../src/core/model.js'
import type { PromptContent } from '../../src/core/text/conversation.js'
import { promptText } from '../../src/core/text/promptText.js'

/**
 * Gives the text of a prompt, messages rendered with the codec's chat template. Each prompt is rendered once: rendering is slow, and a
 * template that asks for the time would change its mind.
 */
export function renderOnce(codec: Pick<TextCodec, 'render'>) {
  const rendered = new WeakMap<PromptContent, string>()
  return (prompt: PromptContent): string => {
    const text = rendered.get(prompt) ?? promptText(prompt, (messages, variables) => codec.render(messages, variables))
    rendered.set(prompt, text)
    return text
  }
}
