import type { Prompt } from '../../core/prompt.js'
import type { Json } from '../../core/text/json.js'
import type { ChatRequest } from './chatRequest.js'
import type { CompletionRequest } from './completionRequest.js'

type Content = Pick<Prompt, 'content' | 'tokenIds'>

/** The prompts of a completion: one or several, as text or token ids. */
export function promptsOf(prompt: CompletionRequest['prompt']): readonly Content[] {
  if (typeof prompt === 'string') return [{ content: { text: prompt } }]
  if (prompt.every((one) => typeof one === 'number')) return [{ tokenIds: prompt }]
  return prompt.map((one) => (typeof one === 'string' ? { content: { text: one } } : { tokenIds: one as readonly number[] }))
}

/** The conversation of a chat. Fields without a value do not reach the template. */
export function messagesOf({ messages, chat_template_kwargs: variables }: ChatRequest): Content {
  return {
    content: {
      messages: messages.map(({ role, content, name }) => ({
        role,
        // Most templates print a list as it is, so its parts become one text.
        content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
        ...(name !== null && name !== undefined && { name }),
      })),
      ...(variables && { chatTemplateKwargs: variables as Readonly<Record<string, Json>> }),
    },
  }
}
