import { concatMap, from, map } from 'rxjs'
import * as z from 'zod'
import { BANNED, withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { OptionError } from '../src/core/errors.js'
import type { TextCodec } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const grammarOptions = z.strictObject({
  jsonSchema: z.record(z.string(), z.unknown()).optional().describe('a JSON Schema'),
  ebnf: z.string().min(1).optional().describe('a grammar in EBNF whose first rule is root'),
  codec: z.custom<TextCodec>((value) => typeof value === 'object' && value !== null).describe('a codec'),
  endTokenIds: z.array(z.int().min(0)).min(1).readonly().describe('a list of token ids'),
})
export type GrammarOptions = Readonly<{
  /** JSON Schema of the reply. */
  jsonSchema?: Readonly<Record<string, unknown>> | undefined
  /** Grammar in EBNF; its first rule is `root`. */
  ebnf?: string | undefined
  /** Codec of the language model. */
  codec: TextCodec
  /** Token ids that end a reply. */
  endTokenIds: readonly number[]
}>

/**
 * Bans the tokens that the grammar does not allow next, so a reply that stops is JSON of the schema, or a text of the grammar. End tokens
 * are allowed where the grammar may end; other special tokens never are. Goes before `topK`, after other processors. A limit
 * (`maxNewTokens`, a stop string) can still cut the text short.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞
 * - errors: `OptionError` at call time unless exactly one of `jsonSchema` and `ebnf` is set, and for a tokenizer without bytes; on the
 *   first step for an invalid schema or grammar; `ShapeError` for sparse logits and tokens outside the grammar
 *
 * It remembers only how far it has read a sequence, so forks and batches change nothing.
 *
 * @see XGrammar (Dong et al., 2024)
 */
export function grammar<S extends LogitsStep>(options: GrammarOptions): DescribedOperator<S, S> {
  const { jsonSchema, ebnf, codec, endTokenIds } = parseOptions(grammarOptions, options, 'grammar')
  if ((jsonSchema === undefined) === (ebnf === undefined)) throw new OptionError('Expected one of `jsonSchema` and `ebnf`')
  if (!codec.grammar) throw new OptionError('Expected a codec that knows the bytes of its tokens, as a grammar needs them')
  const source = jsonSchema === undefined ? { ebnf: ebnf! } : { jsonSchema }
  const allowed = codec.grammar(source, endTokenIds)

  return described(
    { name: 'grammar', options: source, need: 'all' },
    concatMap((step: S) =>
      from(allowed(step.sequence)).pipe(
        map((bits) =>
          withDenseLogits(step, (values) => {
            for (let id = 0; id < values.length; id++) if (!((bits[id >> 5] ?? 0) & (1 << (id & 31)))) values[id] = BANNED
          }),
        ),
      ),
    ),
  )
}

export const grammarEntry = registryEntry(
  'bans tokens that a JSON Schema or a grammar does not allow next',
  grammarOptions.omit({ codec: true, endTokenIds: true }),
  { ...processor, models: { codec: 'codec', endTokenIds: 'endTokenIds' } },
  (options, { lm }) => grammar({ ...options, codec: lm.codec, endTokenIds: lm.endTokenIds }),
)
