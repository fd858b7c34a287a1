import { RemoteError } from '../../core/errors.js'
import { excerpt } from './postJson.js'

/** The request and the answer of one kind of server. */
export type RewardShape = Readonly<{
  name: string
  /** The JSON before the first text, between two texts, and after the last. */
  frame: readonly [open: string, between: string, close: string]
  /** Reads the classes of each text, or returns undefined for another shape. A plain number is one class without a label. */
  classes: (answer: unknown) => readonly (readonly Class[])[] | undefined
  expected: string
  /** Most texts of a request, and most requests at once, unless the user says otherwise. */
  maxBatch: number
  concurrency: number
}>

type Class = Readonly<{ label: string; value: unknown }>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null
const only = (value: unknown): Class[] => [{ label: '', value }]
/** Maps a list by `of`. Returns undefined if the value is not a list or `of` returns undefined for an item. */
const each = <T>(value: unknown, of: (one: unknown) => T | undefined): T[] | undefined => {
  if (!Array.isArray(value)) return undefined
  const all = value.map(of)
  return all.includes(undefined) ? undefined : (all as T[])
}

/** vLLM's classification API. A class's label is its index. `use_activation: false` requests logits instead of probabilities. */
const classify: RewardShape = {
  name: "vLLM's /classify",
  frame: ['{"input":["', '","', '"],"use_activation":false}'],
  classes: (answer) =>
    isObject(answer)
      ? each(answer.data, (one) =>
          isObject(one) ? each(one.probs, (value) => value)?.map((value, index) => ({ label: String(index), value })) : undefined,
        )
      : undefined,
  expected: '`{"data": [{"probs": [number]}, …]}`',
  // vLLM has no limit of its own and schedules the texts one by one.
  maxBatch: 1024,
  concurrency: 8,
}

/** TEI's prediction API. Each text is a list of one, because TEI reads a list of two texts as a pair. `raw_scores` requests logits. */
const predict: RewardShape = {
  name: "TEI's /predict",
  frame: ['{"inputs":[["', '"],["', '"]],"raw_scores":true,"truncate":false}'],
  classes: (answer) =>
    each(answer, (one) =>
      each(one, (scored) => (isObject(scored) ? { label: String(scored.label), value: scored.score } : undefined)),
    ),
  expected: '`[[{"label": name, "score": number}], …]`',
  // TEI takes 32 texts unless it is started with another `--max-client-batch-size`, and 512 requests.
  maxBatch: 32,
  concurrency: 32,
}

const plain: RewardShape = {
  name: 'a plain endpoint',
  frame: ['{"texts":["', '","', '"]}'],
  classes: (answer) => each(answer, (value) => only(value)),
  expected: '`[number, …]`',
  maxBatch: 32,
  concurrency: 8,
}

/** Chooses the shape by the end of the address's path: `/classify`, `/predict`, or anything else. */
export function shapeOf({ pathname }: URL): RewardShape {
  const path = pathname.replace(/\/+$/, '')
  if (path.endsWith('/classify')) return classify
  return path.endsWith('/predict') ? predict : plain
}

/**
 * Reads one finite number per text from an answer.
 *
 * @param label the class to read, if there are several
 * @param server for messages
 * @throws RemoteError for any other answer; the message says server, expected and actual answer
 */
export function rewardsIn(
  answer: unknown,
  { shape, count, label, server }: Readonly<{ shape: RewardShape; count: number; label?: string | undefined; server: string }>,
): number[] {
  const texts = `${count} ${count === 1 ? 'text' : 'texts'}`
  const wrong = (expected: string, got: string): RemoteError => new RemoteError(`${server}: expected ${expected}, got ${got}`)
  const classes = shape.classes(answer)
  if (!classes) throw wrong(`${shape.expected} for ${texts}`, `\`${excerpt(JSON.stringify(answer))}\``)
  if (classes.length !== count) throw wrong(`a number for each of ${texts}`, String(classes.length))
  return classes.map((all, index) => {
    const one = label === undefined && all.length === 1 ? all[0] : all.find((each) => each.label === label)
    if (!one) {
      const labels = all.map((each) => each.label).join(', ')
      throw label === undefined
        ? wrong('one class, or a `label` that picks one', `${all.length} for text ${index}: ${labels}`)
        : wrong(`a class \`${label}\``, `${labels || 'none'} for text ${index}`)
    }
    if (typeof one.value === 'number' && Number.isFinite(Math.fround(one.value))) return one.value
    throw wrong(`a finite number for text ${index} of ${texts}`, `\`${excerpt(String(JSON.stringify(one.value)))}\``)
  })
}
