import { concat, defer, finalize, map, type Observable } from 'rxjs'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import { clock, type RunObserver, type TimeSpan } from '../../src/core/observe/observer.js'
import type { Models } from '../../src/core/run.js'
import type { Decoder, DecoderModels } from '../../src/core/step.js'
import { type BoundSearch, type DecodedStep, perToken, type Search, scoredSequence } from '../decoding/decode.js'
import { finish, stopsOf } from '../decoding/finish.js'
import { replyText } from '../decoding/replyText.js'
import { schedule } from '../schedule/schedule.js'
import { type Job, type Start, startOf } from './jobs.js'
import type { RowSettings } from './rowSettings.js'
import { type Valued, valuesOf } from './rows.js'

export type ReplyDecoderOptions = Readonly<{
  /** Called with warnings that are no errors, each once. */
  onNotice?: ((notice: string) => void) | undefined
  /** Receives what the models do, and the times of prompts and texts. */
  observe?: RunObserver | undefined
}>

/** Settings of a reply. `stop` holds texts that end it, besides the model's own. `models` are those that its search is bound to. */
export type ReplySettings = RowSettings & Readonly<{ stop: readonly string[]; models?: DecoderModels }>

/**
 * What a reply emits: its steps, then its end. `text` is the part of the reply that is final with the step: whole characters, together the
 * completion. The end has the last step and the rewards of prompt and reply; `error` is that of the first reward that failed.
 */
export type ReplyEvent =
  | Readonly<{ type: 'step'; step: DecodedStep; text: string }>
  | (Readonly<{ type: 'end'; last: DecodedStep }> & Valued)

/** A reply that has not started: its tokenized prompt, and how it goes on. It decodes once somebody subscribes. */
export type PreparedReply = Start & Readonly<{ events: Observable<ReplyEvent> }>

export type ReplyDecoder = Readonly<{
  /** The models with one scheduler each, which all replies share. */
  scheduled: DecoderModels
  /** Most tokens of prompt and reply together. */
  contextLength: number
  /**
   * Binds a decoder or a search to the models.
   *
   * @throws OptionError for a need for more logits than the language model returns
   */
  bind: (decoder: Decoder | Search, models?: DecoderModels) => BoundSearch
  /**
   * Tokenizes a prompt and prepares its reply.
   *
   * @throws InputError for a prompt that cannot be decoded
   * @throws TemplateError if the template refuses the messages
   */
  prepare: (job: Pick<Job, 'prompt' | 'sample'>, settings: ReplySettings) => PreparedReply
}>

/**
 * Decodes replies on models that all of them share. Calls of running replies are merged into batches, and a reply joins and leaves between
 * steps.
 */
export function replyDecoder(models: Models, { onNotice, observe = {} }: ReplyDecoderOptions = {}): ReplyDecoder {
  const { codec, endTokenIds, stopStrings } = models.lm
  const scheduled = schedule(models, { ...(onNotice && { onNotice }), observe })
  const contextLength = sharedContext(models)
  const { onPrompt, onText } = observe

  return {
    scheduled,
    contextLength,
    bind: (one, bound = scheduled) => {
      const search = ('search' in one ? one : perToken(one)).search(bound)
      checkNeed(search, models)
      return search
    },
    prepare: (job, { search, stop, models: bound = scheduled, ...settings }) => {
      const startedAt = onPrompt ? clock() : 0
      const prepared = startOf(job, { codec, contextLength, ...settings })
      const { start } = prepared
      const key = { id: start.promptId, sample: start.sample }
      onPrompt?.({ key, promptTokens: start.promptTokenIds.length, startedAt, endedAt: clock() })
      const { texts, tokenIds } = stopsOf([...stop, ...stopStrings], codec)
      const ends = [...endTokenIds, ...tokenIds]
      const { finished, pieceOf } = timeText(
        {
          finished: finish({ codec, endTokenIds: ends, stop: texts, maxNewTokens: settings.maxNewTokens, contextLength }),
          pieceOf: replyText(codec, start, texts),
        },
        onText && ((times) => onText({ key, ...times })),
      )
      const { rewards, lms } = bound
      const decoded = defer(() => {
        let last: DecodedStep | undefined
        const steps = search.steps(start, finished).pipe(
          map((step): ReplyEvent => {
            last = step
            return { type: 'step', step, text: pieceOf(step) }
          }),
        )
        return concat(
          steps,
          defer(() => endOf(last, rewards)),
        )
      })
      const events = decoded.pipe(
        // On completion, error and unsubscription alike.
        finalize(() => {
          for (const each of [...rewards.values(), ...lms.values()]) each.release?.(start)
        }),
      )
      return { ...prepared, events }
    },
  }
}

type TextWork = Readonly<{ finished: ReturnType<typeof finish>; pieceOf: ReturnType<typeof replyText> }>

/** Times the text of each token, from the search for its end to its piece of the reply. Changes nothing without `onText`. */
function timeText(work: TextWork, onText: ((times: TimeSpan) => void) | undefined): TextWork {
  if (!onText) return work
  let begun: number | undefined
  return {
    finished: (sequence) => {
      begun = clock()
      return work.finished(sequence)
    },
    pieceOf: (step) => {
      const startedAt = begun ?? clock()
      begun = undefined
      const piece = work.pieceOf(step)
      onText({ startedAt, endedAt: clock() })
      return piece
    },
  }
}

/** Values the reply after its last step. Errors if that step does not end the reply. */
function endOf(last: DecodedStep | undefined, rewards: DecoderModels['rewards']): Observable<ReplyEvent> {
  if (!last?.finish) throw new ShapeError('The decoder ended before the sequence was finished')
  return valuesOf(rewards, scoredSequence(last)).pipe(map((valued) => ({ type: 'end', last, ...valued })))
}

/** The smallest context of the models that read the reply's tokens. A reward model with the same tokens needs room for them, too. */
function sharedContext({ lm, lms = {}, rewards }: Models): number {
  const sameTokens = rewards.filter((source) => 'codec' in source && source.codec.fingerprint === lm.codec.fingerprint)
  return Math.min(
    ...[lm, ...Object.values(lms), ...sameTokens].map((model) => ('contextLength' in model ? model.contextLength : Infinity)),
  )
}

function checkNeed({ need = 'all', spec }: Pick<BoundSearch, 'need' | 'spec'>, { lm }: Models): void {
  const { all, maxTop } = lm.capabilities
  const named = spec?.name ?? spec?.steps.flatMap((step) => Object.keys(step)).join(' → ')
  const decoder = named === undefined ? 'The decoder' : `The decoder \`${named}\``
  if (need === 'all' && !all)
    throw new OptionError(`${decoder} needs the logits of all tokens, but the language model returns only the top ${maxTop}`)
  if (need !== 'all' && need > maxTop)
    throw new OptionError(
      `${decoder} needs the logits of the top ${need} tokens, but the language model returns at most ${maxTop}`,
    )
}
