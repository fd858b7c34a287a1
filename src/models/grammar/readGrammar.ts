import type { Grammar } from '@mlc-ai/web-xgrammar'
import { messageOf, OptionError } from '../../core/errors.js'
import type { GrammarSource } from '../../core/model.js'
import { enforcedSchema } from './enforcedSchema.js'
import { type LoadedXGrammar, xgrammar } from './xgrammar.js'

/**
 * Compiles a schema or an EBNF text to a grammar. Its JSON has one space after a comma and a colon and no other white space, so that replies end.
 *
 * @throws OptionError for an invalid grammar, and like `enforcedSchema`
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
    // The message begins with a place in the library's source.
    const reason = said[0]?.replace(/^\[.*?\.cc:\d+: /s, '') ?? messageOf(error)
    throw new OptionError(`Expected ${what} that can be read: ${reason.replaceAll('\n', ' ')}`)
  }
}
