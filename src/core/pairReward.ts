import type { Message, TemplateVariables } from './types.js'

/** Tokens of one text or of two as a model reads them, special ones included; `typeIds`: which text each belongs to. */
export type EncodedPair = Readonly<{ tokenIds: readonly number[]; typeIds: readonly number[] }>

/** A reward model that reads prompt and completion as a pair of texts (a cross-encoder). It keeps nothing from call to call. */
export interface BatchedPairReward {
  readonly name: string
  readonly maxBatch: number
  /**
   * Prompt and completion in the model's own tokens.
   *
   * @throws RewardError when they have no tokens, or more than its context holds: nothing is cut
   */
  encodePair(prompt: string, completion: string): EncodedPair
  /** As a TextCodec's. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** One reward a pair, of each call's pairs. */
  run(calls: readonly (readonly EncodedPair[])[]): Promise<Float32Array[]>
}
