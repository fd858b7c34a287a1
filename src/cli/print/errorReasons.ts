import type { Row } from '../../core/run.js'
import { inOneLine } from './fit.js'

/** Maximum number of reasons to count apart. */
const KINDS = 50
/** Reasons in the summary and in the progress line. */
const [IN_SUMMARY, IN_PROGRESS] = [8, 2]

/** Characters of an error that are shown. */
const LONGEST = 300

type Reason = { count: number; readonly id: string; readonly error: string }

/** Counts error rows by reason, with one example each. */
export interface ErrorReasons {
  add(row: Pick<Row, 'id' | 'finishReason' | 'error'>): void
  readonly count: number
  /** A short summary, the most frequent reason first. */
  brief(): string
  /** The reasons with their counts, the most frequent first. */
  list(): readonly Readonly<{ count: number; error: string }>[]
  /** One line per reason with an example, the most frequent first. */
  lines(): string[]
}

/** Errors are of one kind if they differ only in places, numbers and the value found. */
const kindOf = (error: string): string =>
  error
    .replace(/^.*?:\d+: /s, '')
    .replace(/\bgot .*$/s, 'got')
    .replace(/\d+(\.\d+)?/g, '0')

const shorten = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text)

/** Many errors already begin with the file and row of the id. */
function example({ id, error }: Reason): string {
  const isNamed = error.startsWith(`${id}: `) || error.includes(`/${id}: `)
  return `${isNamed ? '' : `\`${id}\`: `}${shorten(error, LONGEST)}`
}

export function errorReasons(): ErrorReasons {
  const reasons = new Map<string, Reason>()
  let count = 0
  let others = 0
  const sort = (): Reason[] => [...reasons.values()].sort((a, b) => b.count - a.count)
  return {
    get count() {
      return count
    },
    add({ id, finishReason, error }) {
      if (finishReason !== 'error') return
      count++
      const kind = kindOf(error ?? '')
      const known = reasons.get(kind)
      if (known) known.count++
      else if (reasons.size === KINDS) others++
      else reasons.set(kind, { count: 1, id, error: inOneLine(error ?? 'no reason') })
    },
    brief() {
      const most = sort()
      const parts = most.slice(0, IN_PROGRESS).map((reason) => `${reason.count} like "${shorten(reason.error, 60)}"`)
      const rest = count - most.slice(0, IN_PROGRESS).reduce((sum, reason) => sum + reason.count, 0)
      return [...parts, ...(rest > 0 ? [`${rest} others`] : [])].join(', ')
    },
    list: () => sort().map((reason) => ({ count: reason.count, error: shorten(reason.error, LONGEST) })),
    lines() {
      const most = sort()
      const lines = most
        .slice(0, IN_SUMMARY)
        .map((reason) => `  ${reason.count}${reason.count === 1 ? ':' : ' such as'} ${example(reason)}`)
      const rest = most.slice(IN_SUMMARY).reduce((sum, reason) => sum + reason.count, others)
      return [...lines, ...(rest > 0 ? [`  ${rest} for other reasons`] : [])]
    },
  }
}
