import { messageOf, TemplateError } from '../../core/errors.js'
import type { TextCodec } from '../../core/model.js'
import type { TokenizerFiles } from '../../models/checkpoint/tokenizer/tokenizerFiles.js'
import type { InspectedLine } from './line.js'

/** Describes a tokenizer: special tokens, the tokens it adds to a text, and its chat template. */
export function inspectTokenizer(
  codec: TextCodec,
  { specialTokens, specialIdOf, tokenizer, notices }: TokenizerFiles,
): InspectedLine[] {
  const textOf = (id: number): string => codec.decode([id], false)
  const special = [...specialTokens].map(([role, text]) => ({ role, text, id: specialIdOf(text) }))
  const { before, after } = around(codec)
  const added = [
    ...(before.length > 0 ? [`${before.map(textOf).join('')} before a text`] : []),
    ...(after.length > 0 ? [`${after.map(textOf).join('')} after it`] : []),
  ]
  const kind = (tokenizer.model as { type?: string }).type ?? 'unnamed'
  return [
    ['tokenizer', `${kind}, adds ${added.length > 0 ? added.join(', ') : 'no tokens to a text'}`, { kind, before, after }],
    [
      'special',
      special.length > 0 ? special.map(({ role, text, id }) => `${role} ${JSON.stringify(text)} (${id})`).join(', ') : 'none',
      special,
    ],
    templateOf(codec),
    ...(notices.length > 0 ? [['settings', notices.join('; '), notices] as InspectedLine] : []),
  ]
}

/** Tokens that the tokenizer adds before and after a text. */
function around(codec: TextCodec): { before: number[]; after: number[] } {
  const [plain, whole] = [codec.encode('a', false), codec.encode('a', true)]
  const begin = whole.findIndex((_, index) => plain.every((id, i) => whole[index + i] === id))
  return { before: whole.slice(0, begin), after: whole.slice(begin + plain.length) }
}

function templateOf(codec: TextCodec): InspectedLine {
  try {
    const text = codec.render([{ role: 'user', content: 'Hello' }])
    return ['template', `a user's "Hello" becomes ${JSON.stringify(text)}`, { hello: text }]
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    const none = error.message.includes('found none')
    return ['template', none ? 'none: plain prompts only' : messageOf(error), none ? null : { error: messageOf(error) }]
  }
}
