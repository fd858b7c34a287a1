import type { TextCodec } from '../model.js'
import type { PromptContent } from './conversation.js'

/**
 * The text of a prompt, messages in the words of a chat template.
 *
 * @throws TemplateError when the template refuses the messages
 */
export const promptText = (content: PromptContent, render: TextCodec['render']): string =>
  content.messages ? render(content.messages, content) : content.text
