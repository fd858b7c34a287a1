import type { Grammar } from '@mlc-ai/web-xgrammar'
import { messageOf, OptionError } from '../../core/errors.js'
import type { GrammarSource } from '../../core/model.js'
import { enforcedSchema } from './enforcedSchema.js'
import { type LoadedXGrammar, xgrammar } from './xgrammar.js'

/**
 * The grammar that a schema or an EBNF text says. JSON has one space after a comma and a colon and no other, so that it comes to an end.
 *
 * @throws OptionError for one that cannot be read, and as `enforcedSchema`
 */
export async function readGrammar(source: GrammarSource, { library, said }: LoadedXGrammar = xgrammar()): Promise<Grammar> {
  if ('ebnf' in source === 'jsonSchema' in source) throw new OptionError('Expected one of `jsonSchema` and `ebnf`')
  const text = 'ebnf' in source ? source.ebnf : JSON.stringify(enforcedSchema(source.jsonSchema))
  said.length = 0
  try {
    return 'ebnf' in source
      ? await library.Grammar.fromEBNF(text)
      : await library.Grammar.fromJSONSchema(text, false, -1, [', ', ': '])
  } catch (error) {
    const what = 'ebnf' in source ? 'a grammar in EBNF' : 'a JSON Schema'
    // What it says begins with the place in its own source.
    const reason = said[0]?.replace(/^\[.*?\.cc:\d+: /s, '') ?? messageOf(error)
    throw new OptionError(`Expected ${what} that can be read: ${reason.replaceAll('\n', ' ')}`)
  }
}
