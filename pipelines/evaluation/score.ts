import { catchError, defer, identity, map, type Observable, of, tap } from 'rxjs'
import * as z from 'zod'
import type { BatchedPairReward, BatchedRewardModel } from '../../src/core/batched.js'
import { endsRun, InputError, messageOf, TemplateError } from '../../src/core/errors.js'
import type { TextCodec } from '../../src/core/model.js'
import { mergeObservers, observeOption } from '../../src/core/observe/mergeObservers.js'
import type { RunObserver } from '../../src/core/observe/observer.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Prompt } from '../../src/core/prompt.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import { type Row, type RowsOptions, type Run, type RunMeta, version } from '../../src/core/run.js'
import { promptText } from '../../src/core/text/promptText.js'
import { type EndOfText, endOfText } from '../rewards/endToken.js'
import { type TextScorer, textScorer } from '../rewards/textScorer.js'
import { beginReading, checkIterable } from '../run/beginReading.js'
import { checkedPrompt, promptSchema } from '../run/checkedPrompt.js'
import { abortOn, deliver, runOf, tellSkips } from '../run/deliveries.js'
import { hashPrompt } from '../run/hashPrompt.js'
import { applyKeepInput, keepInputOption } from '../run/keepInput.js'
import { listMissingOfReward } from '../run/listMissingVersions.js'
import { ownFields } from '../run/rows.js'

/** An existing text: a prompt, its completion, and the number of its sample. `cutOff`: a limit of tokens ended the completion. */
export type ScoredText = Prompt & Readonly<{ completion?: string; sample?: number; cutOff?: boolean }>

/** Texts one after the other: an async generator, a list, or what gives them anew each time. */
type Texts = AsyncIterable<ScoredText> | Iterable<ScoredText>

export const scoreOptions = z.strictObject({
  concurrency: z.int().min(1).default(32).describe('an integer >= 1'),
  keepInput: keepInputOption,
  endToken: z.string().min(1).optional().describe('a special token of the reward model'),
  spec: z.record(z.string(), z.unknown()).default({}).describe('an object with what else the rows depend on'),
  now: z
    .custom<() => number>((value) => typeof value === 'function')
    .optional()
    .describe('a function'),
  observe: observeOption,
})
export type ScoreOptions = Readonly<{
  /** How many texts to score at once (32). */
  concurrency?: number | undefined
  /**
   * Whether rows keep the columns of their texts (`input`). By default they keep what is there; with true every part file has the column,
   * and with false no row keeps it.
   */
  keepInput?: boolean | undefined
  /**
   * A special token of the reward model, such as `<|im_end|>`, that it reads after each completion, unless a limit of tokens cut the completion off
   * or it ends with the token already. By default it reads none.
   */
  endToken?: string | undefined
  /** What else the rewards depend on. It is written into the metadata of the output. */
  spec?: Readonly<Record<string, unknown>> | undefined
  /** The clock, in milliseconds since the epoch (`Date.now`). */
  now?: (() => number) | undefined
  /** Receives what happens in the run, as in `generate`. There are no tokens and no calls. */
  observe?: RunObserver | readonly RunObserver[] | undefined
}>

/** A reward and the hashes of its files. */
export type ScoreModels = Readonly<{ reward: BatchedRewardModel | BatchedPairReward | TextReward; hashes: RunMeta['models'] }>

/**
 * Scores existing texts: one row per text with the reward of prompt and completion. Calls of many texts are batched. A
 * text that cannot be scored becomes an error row.
 *
 * @throws OptionError for an invalid option, texts that are not iterable, and an `endToken` that the reward cannot read
 */
export function score(source: Texts, { reward, hashes }: ScoreModels, options: ScoreOptions = {}): Run {
  const { keepInput, endToken, spec: ownSpec, observe, ...rest } = parseOptions(scoreOptions, options, 'score')
  checkIterable(source)
  const { source: texts, spec } = applyKeepInput(source, { keepInput, spec: ownSpec })
  // The rows depend on the function, so its spec belongs to the run's.
  const own = 'spec' in reward && reward.spec ? { rewardFunctions: { [reward.name]: reward.spec } } : {}
  const missing = listMissingOfReward(reward, hashes[reward.name])
  const observer = mergeObservers(observe)
  const settings = { ...rest, spec: { ...spec, ...own, ...(endToken !== undefined && { endToken }) }, hashes, missing, observer }
  const scorer = { name: reward.name, score: textScorer(reward, { observe: observer }), ended: endOfText(reward, endToken) }
  return runOfTexts(texts, scorer, renderOf(reward), { ...settings, begin: () => beginReading(source) })
}

const renderOf = (reward: ScoreModels['reward']): TextCodec['render'] => {
  if (reward.kind === 'text') return unrendered(reward)
  return reward.kind === 'pairs' ? reward.render : reward.codec.render
}

type Scorer = Readonly<{ name: string; score: TextScorer; ended: EndOfText }>

const unrendered =
  ({ name }: TextReward) =>
  (): never => {
    throw new TemplateError(`Reward \`${name}\` has no chat template to render messages with; expected a prompt that is text`)
  }

type ScoreSettings = Omit<z.output<typeof scoreOptions>, 'keepInput' | 'endToken' | 'observe'> &
  Pick<ScoreModels, 'hashes'> &
  Readonly<{ missing: readonly string[]; observer: RunObserver; begin: () => void }>

function runOfTexts(
  source: Texts,
  { name, score, ended }: Scorer,
  render: TextCodec['render'],
  { concurrency, spec, now = Date.now, hashes, missing, begin, observer: { onBegin, onStart, onSkip, onRow } }: ScoreSettings,
): Run {
  const rowOf = (text: HashedText): Observable<Row> =>
    defer(() => {
      const startedAt = now()
      onStart?.({ id: text.id, sample: text.sample })
      const row = (fields: Partial<Row>): Row => ({ ...emptyRow(text), startedAt, durationMs: now() - startedAt, ...fields })
      return defer(() => {
        const { prompt, completion, special } = partsOf(text, render)
        return score(prompt, ended(completion, text.cutOff ?? false), special).pipe(
          map((value) => row({ prompt, reward: value })),
        )
      }).pipe(
        catchError((error: unknown) => {
          if (endsRun(error)) throw error
          return of(row({ finishReason: 'error', error: messageOf(error) }))
        }),
        onRow ? tap(onRow) : identity,
      )
    })

  const deliveries: Run['deliveries'] = ({ done, signal } = {}) =>
    abortOn(
      defer(() => {
        begin()
        onBegin?.(meta)
        return deliver(hashedTexts(source, tellSkips(done, onSkip)), rowOf, concurrency)
      }),
      signal,
    )
  const meta = {
    ...{ version, spec: { ...spec, score: name }, seed: 0, models: hashes },
    ...(missing.length > 0 && { missingVersions: missing }),
  }
  return runOf(meta, deliveries)
}

const textSchema = promptSchema.extend({
  completion: z.string().optional().describe('text'),
  sample: z.int32().min(0).optional().describe('an integer from 0 to 2147483647'),
  cutOff: z.boolean().optional().describe('true or false'),
} satisfies Record<Exclude<keyof ScoredText, keyof Prompt>, z.ZodType>)

const sampleSchema = textSchema.shape.sample.catch(0)

/** The number of a text's sample, which an error row keeps, too. */
const sampleOf = (text: unknown): number => sampleSchema.parse(Object(text).sample) ?? 0

type HashedText = ScoredText & Readonly<{ sample: number; promptHash: string }>

/** Yields each text once, with its hash. A second one with the same id and sample becomes an error under its place. */
export async function* hashedTexts(texts: Texts, done?: RowsOptions['done']): AsyncGenerator<HashedText, void> {
  const names = new Set<string>()
  let number = 0
  for await (const next of texts) {
    number++
    const text: ScoredText = checkedPrompt(next, number, textSchema)
    const sample = sampleOf(next)
    const name = `${sample} ${text.id}`
    const { id, place = `${id} (text ${number})` } = text
    const one = names.has(name) ? { id: place, error: `Expected each id and sample once, got \`${id}\` again in ${place}` } : text
    names.add(name)
    const hashed = { ...one, sample, promptHash: hashPrompt(one) }
    if (!done?.(hashed)) yield hashed
  }
}

function partsOf({ content, completion, error }: ScoredText, render: TextCodec['render']) {
  if (error !== undefined || !content || completion === undefined) {
    const missing = content ? 'completion' : 'content'
    throw new InputError(error ?? `Expected a prompt and its completion, got no \`${missing}\``)
  }
  // A template writes its own special tokens.
  return { prompt: promptText(content, render), completion, special: content.messages === undefined }
}

const emptyRow = (text: HashedText): Omit<Row, 'startedAt' | 'durationMs'> => ({
  ...{ id: text.id, sample: text.sample, promptHash: text.promptHash },
  ...{ prompt: text.content?.text ?? null, completion: text.completion ?? null },
  ...{ promptTokenIds: null, tokenIds: null, finishReason: 'stop', error: null },
  ...{ reward: null, rewards: null, logits: null, scores: null },
  ...{ seed: null, promptTokens: null, completionTokens: null },
  ...ownFields(text),
})
