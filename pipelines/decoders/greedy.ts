import * as z from 'zod'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const greedyOptions = z.strictObject({})
export type GreedyOptions = Readonly<Record<never, never>>

/** Greedy search: selects the likeliest token; ties go to the lower id. */
// biome-ignore format: one operator a line
export const greedy = withOptions<GreedyOptions, Decoder>('greedy', greedyOptions, () => () => steps(
  topK({ k: 1 }),
  selectGreedy(),
))
