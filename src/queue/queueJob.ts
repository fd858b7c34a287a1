import { gunzipSync, gzipSync } from 'node:zlib'
import * as z from 'zod'
import type { Prompt } from '../core/prompt.js'
import { fromExactJson, toExactJson } from './exactValue.js'

/** A prompt of a job: its hash, and which of its samples to decode. */
export type QueuedPrompt = Readonly<{ prompt: Prompt; promptHash: string; samples: readonly number[] }>

/** What the queue holds of a job. A job is one part file of a run. */
export type JobData = Readonly<{
  /** Id of the run. */
  run: string
  /** Tells a run from an earlier one with the same output. */
  generation: string
  /** Number of the part file. Whoever decodes the job writes this one, so that a job that is decoded twice is written once. */
  part: number
  rows: number
  /** Prompts, as `packPrompts` makes them. */
  prompts: string
}>

/** What a finished job has made. */
export const jobFigures = z.object({
  rows: z.int(),
  errors: z.int(),
  tokens: z.int(),
  /** Sum of the rewards, and of how many rows. */
  reward: z.number(),
  rewarded: z.int(),
})
export type JobFigures = z.output<typeof jobFigures>

/** Packs prompts into a text: gzip of JSON, which keeps every value. */
export const packPrompts = (prompts: readonly QueuedPrompt[]): string =>
  gzipSync(JSON.stringify(prompts.map(toExactJson))).toString('base64')

export const unpackPrompts = (text: string): readonly QueuedPrompt[] =>
  fromExactJson(JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString())) as readonly QueuedPrompt[]
