import type { TextCodec } from '../model.js'
import type { PromptContent } from './conversation.js'

/**
 * Returns the text of a prompt. A chat template renders messages.
 *
 * @throws TemplateError when the template refuses the messages
 */
export const promptText = (content: PromptContent, render: TextCodec['render']): string =>
  content.messages ? render(content.messages, content) : content.text
