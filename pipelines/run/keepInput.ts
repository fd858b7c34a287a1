import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import type { Prompt } from '../../src/core/prompt.js'

/** The option of `generate` and `score`. */
export const keepInputOption = z.boolean().optional().describe('true or false')

type Settings = Readonly<{ keepInput?: boolean; spec: Readonly<Record<string, unknown>> }>

/**
 * Applies the option `keepInput`: with false the prompts lose their `input`, and `spec` records the option, from which every part file
 * gets the column `input` with true. Without the option a row keeps the `input` that its prompt has.
 *
 * @throws OptionError if `spec` holds the option
 */
export function applyKeepInput<P extends Prompt>(source: AsyncIterable<P> | Iterable<P>, { keepInput, spec }: Settings) {
  if (Object.hasOwn(spec, 'keepInput'))
    throw new OptionError('Expected `keepInput` as an option of its own, got it in `spec`', ['spec', 'keepInput'])
  if (keepInput === undefined) return { source, spec }
  return { source: keepInput ? source : { [Symbol.asyncIterator]: () => withoutInput(source) }, spec: { ...spec, keepInput } }
}

async function* withoutInput<P extends Prompt>(prompts: AsyncIterable<P> | Iterable<P>): AsyncGenerator<P> {
  for await (const { input: _, ...prompt } of prompts) yield prompt as P
}
