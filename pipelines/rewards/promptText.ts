import type { TextCodec } from '../../src/core/model.js'
import type { PromptContent } from '../../src/core/prompt.js'

/**
 * Gives the text of a prompt, messages rendered with the codec's chat template. Each prompt is rendered once: rendering is slow, and a
 * template that asks for the time would change its mind.
 */
export function promptText(codec: Pick<TextCodec, 'render'>) {
  const rendered = new WeakMap<PromptContent, string>()
  return (prompt: PromptContent): string => {
    const text = rendered.get(prompt) ?? (prompt.messages ? codec.render(prompt.messages) : prompt.text)
    rendered.set(prompt, text)
    return text
  }
}
