import type { CallReport, TimeSpan } from '../core/observe/observer.js'

/** A span of a trace with its children, by `clock`. */
export type TraceSpan = TimeSpan &
  Readonly<{ name: string; attributes?: Readonly<Record<string, string | number>>; children?: readonly TraceSpan[] }>

/** What an observer was told of one row: its tokenized prompt, its calls in any order, the texts and the times of its tokens. */
export type RowTimes = Readonly<{
  startedAt: number
  prompt?: (TimeSpan & Readonly<{ promptTokens: number }>) | undefined
  calls: readonly CallReport[]
  texts: readonly TimeSpan[]
  tokensAt: readonly number[]
  /** Whether the reply has its end, so that only its reward comes after the last token. */
  isWhole: boolean
}>

/**
 * Arranges the times of a row as spans: `tokenize`, `prefill` (the language model reads the prompt), one `step` a token, and `final reward`
 * (that of the whole reply). Each call is a span with its model's name, after a span `wait` for its time in the queue. A search emits its tokens
 * together at its end, so it has one step with all tokens.
 */
export function traceSpans({ startedAt, prompt, calls, texts, tokensAt, isWhole }: RowTimes): readonly TraceSpan[] {
  const sorted = [...calls].sort((a, b) => a.startedAt - b.startedAt)
  const first = sorted.findIndex(({ kind, promptTokens }) => kind !== 'logits' || promptTokens === 0)
  const reading = sorted.splice(0, first === -1 ? sorted.length : first)
  const begun = prompt?.endedAt ?? startedAt
  const prefill = reading.length === 0 ? [] : [around('prefill', reading.flatMap(callSpans))]
  const steps: { startedAt: number; endedAt: number; tokens: number; children: TraceSpan[] }[] = []
  const text = [...texts]
  let from = prefill[0]?.endedAt ?? begun
  for (const at of tokensAt) {
    const own = take(sorted, ({ endedAt }) => endedAt <= at).flatMap(callSpans)
    const decoded = take(text, (one) => one.endedAt <= at).map((one): TraceSpan => ({ name: 'detokenize', ...one }))
    const last = steps.at(-1)
    // The first step after the prefill needs no further call of the language model.
    if (own.length > 0 || last === undefined) {
      steps.push({ startedAt: from, endedAt: at, tokens: 1, children: [...own, ...decoded] })
    } else {
      last.tokens++
      last.endedAt = at
      last.children.push(...decoded)
    }
    from = at
  }
  return [
    ...(prompt
      ? [
          {
            name: 'tokenize',
            ...spanOf(prompt),
            attributes: { 'rxargs.prompt_tokens': prompt.promptTokens },
          },
        ]
      : []),
    ...prefill,
    ...steps.map(({ tokens, ...step }) => ({ name: 'step', ...step, attributes: { 'rxargs.tokens': tokens } })),
    ...(sorted.length === 0 ? [] : [around(isWhole ? 'final reward' : 'step', sorted.flatMap(callSpans))]),
  ]
}

const spanOf = ({ startedAt, endedAt }: TimeSpan): TimeSpan => ({ startedAt, endedAt: Math.max(startedAt, endedAt) })

function callSpans({ askedAt, startedAt, endedAt, model, kind, promptTokens }: CallReport): readonly TraceSpan[] {
  const attributes = { 'rxargs.model': model, 'rxargs.kind': kind, 'rxargs.prompt_tokens': promptTokens }
  return [
    ...(startedAt > askedAt
      ? [{ name: 'wait', startedAt: askedAt, endedAt: startedAt, attributes: { 'rxargs.model': model } }]
      : []),
    { name: kind === 'rewards' ? `reward ${model}` : model, ...spanOf({ startedAt, endedAt }), attributes },
  ]
}

const around = (name: string, children: readonly TraceSpan[]): TraceSpan => ({
  ...{ name, children },
  startedAt: Math.min(...children.map((child) => child.startedAt)),
  endedAt: Math.max(...children.map((child) => child.endedAt)),
})

/** Takes the items at the front for which it holds. */
function take<T>(items: T[], holds: (item: T) => boolean): T[] {
  const end = items.findIndex((item) => !holds(item))
  return items.splice(0, end === -1 ? items.length : end)
}
