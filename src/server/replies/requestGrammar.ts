import { canonicalJson } from '../../core/canonicalJson.js'
import { OptionError } from '../../core/errors.js'
import type { AllowedTokens, GrammarSource } from '../../core/model.js'
import type { DecoderModels } from '../../core/step.js'
import { ApiError } from '../ApiError.js'
import type { Service } from './service.js'

/** The grammars of a request, each in a thread of its own, and what ends these threads. */
export type RequestGrammar = Readonly<{
  /** The same models, whose grammars run in threads. */
  threaded: (models: DecoderModels) => DecoderModels
  /**
   * Resolves once all grammars are compiled.
   *
   * @throws ApiError 400 for a grammar that is invalid or takes too long, 429 if too many requests have one
   */
  compile: () => Promise<void>
  close: () => void
}>

/** A request may bring any grammar, so it is compiled and followed outside of this thread, within a time limit. */
export function requestGrammar({ limits, grammars }: Service): RequestGrammar {
  const ended = new AbortController()
  const opened = new Map<string, AllowedTokens>()
  let isCounted = false
  return {
    threaded: (models) => {
      const { codec } = models.lm
      const { grammarThread } = codec
      if (!grammarThread) return models
      const grammar = (source: GrammarSource, endTokenIds: readonly number[]): AllowedTokens => {
        // A decoder may be built more than once before it runs.
        const name = canonicalJson({ source, endTokenIds })
        const known = opened.get(name)
        if (known) return known
        const allowed = grammarThread(source, endTokenIds, { timeoutMs: limits.grammarTimeoutMs, signal: ended.signal })
        opened.set(name, allowed)
        return allowed
      }
      return { ...models, lm: { ...models.lm, codec: { ...codec, grammar } } }
    },
    compile: async () => {
      if (opened.size === 0) return
      if (grammars.running + opened.size > limits.maxGrammars)
        throw new ApiError(429, 'Too many requests with a grammar are running; try again later', {
          code: 'queue_full',
          headers: { 'retry-after': '1' },
        })
      grammars.running += opened.size
      isCounted = true
      const start = { key: {}, promptId: '', sample: 0, seed: 0, prompt: { text: '' }, promptTokenIds: [], tokenIds: [] }
      try {
        await Promise.all([...opened.values()].map((allowed) => allowed(start)))
      } catch (error) {
        if (error instanceof OptionError)
          throw new ApiError(400, error.message, { param: 'response_format', code: 'invalid_value' })
        throw error
      }
    },
    close: () => {
      if (ended.signal.aborted) return
      if (isCounted) grammars.running -= opened.size
      ended.abort()
    },
  }
}
