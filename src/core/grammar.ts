import type { Sequence } from './types.js'

export type JsonSchema = Readonly<Record<string, unknown>>

/** What replies have to be: JSON of a schema, or a text of a grammar in EBNF (as llama.cpp's GBNF) whose first rule is `root`. */
export type GrammarSource = Readonly<{ jsonSchema: JsonSchema } | { ebnf: string }>

/**
 * Which tokens may come next: one bit a token id, the lowest bit of `bits[0]` is token 0. It follows from the decoded tokens alone;
 * `ShapeError` where these are none of the grammar.
 */
export type AllowedTokens = (sequence: Sequence) => Promise<Int32Array>
