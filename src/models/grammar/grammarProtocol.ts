import type { GrammarSource } from '../../core/model.js'
import type { Vocabulary } from '../checkpoint/tokenizer/vocabularyOf.js'

/** What a thread of a grammar starts with. */
export type GrammarSetup = Readonly<{ source: GrammarSource; vocabulary: Vocabulary; endTokenIds: readonly number[] }>
/** Asks for the tokens after a sequence, which a number stands for. */
export type GrammarQuestion = Readonly<{ id: number; sequence: number; tokenIds: readonly number[] }>
/** Tells that a sequence is gone. */
export type GrammarForget = Readonly<{ forget: number }>
/** The bits of `AllowedTokens`, or why there are none. */
export type GrammarAnswer = Readonly<{ id: number; bits: Int32Array } | { id: number; message: string; isOption: boolean }>
