import * as z from 'zod'
import type { EncodedPair } from '../../../core/batched.js'
import { checkJson } from '../readJson.js'

/** Puts special tokens around the tokens of one text or two. */
export type PairTemplate = (first: readonly number[], second?: readonly number[]) => EncodedPair

type Piece = Readonly<{ tokenIds: readonly number[] } | { text: 'A' | 'B' }> & Readonly<{ typeId: number }>
type Pieces = Readonly<{ single: readonly Piece[]; pair: readonly Piece[] }>

const tokenAndId = z.tuple([z.string(), z.number().int()])
const typeId = z.number().int().min(0)
const piece = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: typeId }) }),
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: typeId }) }),
])
const framed = z.object({ sep: tokenAndId, cls: tokenAndId })
const template = z.object({
  single: z.array(piece),
  pair: z.array(piece),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.number().int()) })),
})
const sequence = z.object({ processors: z.array(z.looseObject({ type: z.string() })) })

const first = { text: 'A', typeId: 0 } as const
const second = (type: number) => ({ text: 'B', typeId: type }) as const
const tokens = (typeId: number, ...tokenIds: number[]): Piece => ({ tokenIds, typeId })

type Reader = (value: unknown, where: string) => Pieces | undefined

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'BertProcessing',
    (value, where) => {
      const { cls, sep } = checkJson(framed, value, where)
      const single = [tokens(0, cls[1]), first, tokens(0, sep[1])]
      return { single, pair: [...single, second(1), tokens(1, sep[1])] }
    },
  ],
  [
    'RobertaProcessing',
    (value, where) => {
      const { cls, sep } = checkJson(framed, value, where)
      const single = [tokens(0, cls[1]), first, tokens(0, sep[1])]
      return { single, pair: [...single, tokens(0, sep[1]), second(0), tokens(0, sep[1])] }
    },
  ],
  [
    'TemplateProcessing',
    (value, where) => {
      const { single, pair, special_tokens: specials } = checkJson(template, value, where)
      const pieceOf = (one: z.output<typeof piece>): Piece =>
        'Sequence' in one
          ? { text: one.Sequence.id, typeId: one.Sequence.type_id }
          : tokens(one.SpecialToken.type_id, ...(specials[one.SpecialToken.id]?.ids ?? []))
      return { single: single.map(pieceOf), pair: pair.map(pieceOf) }
    },
  ],
  [
    'Sequence',
    (value, where) => {
      const { processors } = checkJson(sequence, value, where)
      return processors.map((one) => readers.get(one.type)?.(one, where)).find((found) => found !== undefined)
    },
  ],
])

/**
 * The special tokens and type ids of a tokenizer's post-processor for one text or a pair. Without a post-processor, the texts are joined
 * and the second has type 1.
 *
 * @param typed whether tokens have types; otherwise all have type 0
 * @throws ModelError when the post-processor lacks a field of its kind
 * @see tokenizers 0.22 src/processors/bert.rs, roberta.rs, template.rs
 */
export function pairTemplate(postProcessor: unknown, typed: boolean, file: string): PairTemplate {
  const { type } = (postProcessor ?? {}) as { type?: unknown }
  const { single, pair } = readers.get(String(type))?.(postProcessor, `post_processor of ${file}`) ?? {
    single: [first],
    pair: [first, second(1)],
  }
  return (a, b) => {
    const texts = { A: a, B: b ?? [] }
    const parts = (b === undefined ? single : pair).map((one) => ({
      tokenIds: 'text' in one ? texts[one.text] : one.tokenIds,
      typeId: one.typeId,
    }))
    return {
      tokenIds: parts.flatMap(({ tokenIds }) => tokenIds),
      typeIds: parts.flatMap(({ tokenIds, typeId }) => tokenIds.map(() => (typed ? typeId : 0))),
    }
  }
}
