import type { BatchReport } from '../../../operators/batchCalls.js'
import type { Search } from '../../../pipelines/decoding/decode.js'
import { builtIn, type Registry } from '../../../pipelines/registry/registry.js'
import { type ReplyDecoder, replyDecoder } from '../../../pipelines/run/replyDecoder.js'
import type { Models } from '../../core/run.js'
import type { Decoder } from '../../core/step.js'
import type { Limits } from '../limits.js'
import { Slots } from './Slots.js'

export type ServiceOptions = Readonly<{
  /** The name under which requests ask for the model. */
  name: string
  models: Models
  /** For requests that name no decoder. */
  decoder: Decoder | Search
  /** Its name, for the list of models. */
  decoderName: string
  registry?: Registry
  /** Tokens of a reply whose request sets no limit. */
  maxNewTokens: number
  limits: Limits
  onNotice?: (notice: string) => void
  onBatch?: (model: string, report: BatchReport) => void
}>

/** What all requests share: the models with their schedulers, and the places for running replies. */
export type Service = Required<Omit<ServiceOptions, 'onNotice' | 'onBatch'>> & Readonly<{ replies: ReplyDecoder; slots: Slots }>

export function startService({ onNotice, onBatch, registry = builtIn, ...options }: ServiceOptions): Service {
  const { maxRunning, maxQueue } = options.limits
  return {
    ...options,
    registry,
    replies: replyDecoder(options.models, { onNotice, onBatch }),
    slots: new Slots(maxRunning, maxQueue),
  }
}
