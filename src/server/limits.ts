import * as z from 'zod'
import { ApiError } from './ApiError.js'

const count = z.int().min(1).describe('an integer >= 1')

/** Limits of what requests can ask for, with their defaults. */
export const limitsOptions = z.strictObject({
  maxRunning: count.default(64),
  maxQueue: z.int().min(0).default(256).describe('an integer >= 0'),
  maxBodyBytes: count.default(1024 * 1024),
  maxN: count.default(16),
  maxPrompts: count.default(64),
  maxTexts: count.default(1024),
  maxPromptTokens: count.optional(),
  maxReplyTokens: count.optional(),
  maxLogprobs: count.default(100),
  maxCandidates: count.default(256),
  /** Sequences that a search decodes at once. */
  maxSequences: count.default(64),
  maxSchemaBytes: count.default(64 * 1024),
  /** Requests with a grammar at a time: each has a thread. */
  maxGrammars: count.default(4),
  grammarTimeoutMs: count.default(20_000),
  requestTimeoutMs: count.default(600_000),
  stallTimeoutMs: count.default(30_000),
})

export type Limits = z.output<typeof limitsOptions>

/** @throws ApiError 400 that names the field and its limit */
export function checkLimit(param: string, value: number, limit: number, what = `\`${param}\``): void {
  if (value > limit)
    throw new ApiError(400, `Expected at most ${limit} for ${what}, got ${value}`, { param, code: 'limit_exceeded' })
}
