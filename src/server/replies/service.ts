import { type Observable, tap } from 'rxjs'
import { perToken, type Search } from '../../../pipelines/decoding/decode.js'
import { builtIn, type Registry } from '../../../pipelines/registry/registry.js'
import { type TextScorer, textScorer } from '../../../pipelines/rewards/textScorer.js'
import { type ReplyDecoder, replyDecoder } from '../../../pipelines/run/replyDecoder.js'
import { ModelLostError, OptionError } from '../../core/errors.js'
import type { Models } from '../../core/run.js'
import type { Decoder } from '../../core/step.js'
import type { ServerMetrics } from '../http/metrics.js'
import type { Limits } from '../limits.js'
import { largestK, scoresCandidates } from './candidateLimit.js'
import { Life } from './Life.js'
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
  /** Figures for Prometheus, if they are collected. */
  metrics?: ServerMetrics | undefined
  onNotice?: (notice: string) => void
}>

/** What all requests share: the models with their schedulers, and the places for running replies. */
export type Service = Required<Omit<ServiceOptions, 'metrics'>> &
  Pick<ServiceOptions, 'metrics'> &
  Readonly<{
    replies: ReplyDecoder
    slots: Slots
    life: Life
    /** Counts the grammars of requests, each of which has a thread. */
    grammars: { running: number }
    /** Runs a stream once there are places for it. A lost model ends the service. */
    admit: <T>(source: Observable<T>, places?: number) => Observable<T>
    /** What scores existing texts, by the name of the reward. */
    scorers: ReadonlyMap<string, TextScorer>
  }>

/** @throws OptionError for options with which each request would fail */
export function startService({ onNotice = () => undefined, registry = builtIn, ...options }: ServiceOptions): Service {
  const { models, limits, metrics } = options
  const observe = metrics ? { onBatch: metrics.observer.onBatch, onQueue: metrics.observer.onQueue } : {}
  const slots = new Slots(limits.maxRunning, limits.maxQueue)
  metrics?.watch(slots)
  const scorers = models.rewards.flatMap((reward) =>
    reward.kind === 'ensemble' ? [] : [[reward.name, textScorer(reward, { observe })] as const],
  )
  const life = new Life()
  const maxNewTokens = Math.min(options.maxNewTokens, limits.maxReplyTokens ?? Infinity)
  const service: Service = {
    ...{ ...options, maxNewTokens, registry, slots, life, grammars: { running: 0 }, onNotice },
    admit: (source, places) =>
      slots.admit(source, places).pipe(
        tap({
          error: (error: unknown) => {
            if (error instanceof ModelLostError) life.lose()
          },
        }),
      ),
    replies: replyDecoder(models, { onNotice, observe }),
    scorers: new Map(scorers),
  }
  checkService(service)
  return service
}

/**
 * Refuses flags of the server with which each request would fail.
 *
 * @throws OptionError that names the flag and its limit
 */
function checkService({ replies, decoder, registry, limits, maxNewTokens, models }: Service): void {
  const { contextLength, scheduled, bind } = replies
  if (maxNewTokens >= contextLength)
    throw new OptionError(
      `Expected \`--max-new-tokens\` to be below the context of ${contextLength} tokens, which holds prompt and reply, got ${maxNewTokens}`,
    )
  const unbound = 'search' in decoder ? decoder : perToken(decoder)
  const bound = unbound.search(scheduled)
  const k = largestK(bound)
  const { maxTop } = models.lm.capabilities
  if (k > maxTop)
    throw new OptionError(
      `Expected \`--k\` to be at most ${maxTop}, the number of tokens that the language model gives logits of, got ${k}`,
    )
  const { sequences = 1 } = bound
  if (sequences > limits.maxSequences)
    throw new OptionError(
      `Expected a search of at most ${limits.maxSequences} sequences at once, the limit of a server, got ${sequences}`,
    )
  if (k > limits.maxCandidates && scoresCandidates(bound, scheduled, registry))
    throw new OptionError(
      `Expected \`--k\` to be at most ${limits.maxCandidates}, the candidates per step that a server scores with a reward, got ${k}`,
    )
  bind(decoder)
}
