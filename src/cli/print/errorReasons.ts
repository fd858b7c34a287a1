import type { Row } from '../../core/run.js'
import { inOneLine } from './fit.js'

/** More kinds of errors than anybody reads. */
const KINDS = 50
const SHOWN = 8
const BRIEF = 2

type Reason = { count: number; readonly id: string; readonly error: string }

/** Why rows failed: how many for each reason, and one row of each. */
export interface ErrorReasons {
  add(row: Pick<Row, 'id' | 'finishReason' | 'error'>): void
  readonly count: number
  /** In a few words, the most frequent first. */
  brief(): string
  /** A line a reason, the most frequent first, with an example. */
  lines(): string[]
}

/** Errors are of one kind where they differ in places, numbers and what was found only. */
const kindOf = (error: string): string =>
  error
    .replace(/^.*?:\d+: /s, '')
    .replace(/\bgot .*$/s, 'got')
    .replace(/\d+(\.\d+)?/g, '0')

const shortened = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text)

/** Many errors begin with the file and row that the id is made of. */
function example({ id, error }: Reason): string {
  const isNamed = error.startsWith(`${id}: `) || error.includes(`/${id}: `)
  return `${isNamed ? '' : `\`${id}\`: `}${shortened(error, 300)}`
}

export function errorReasons(): ErrorReasons {
  const reasons = new Map<string, Reason>()
  let count = 0
  let others = 0
  const sorted = (): Reason[] => [...reasons.values()].sort((a, b) => b.count - a.count)
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
      else reasons.set(kind, { count: 1, id, error: inOneLine(error ?? 'no reason was given') })
    },
    brief() {
      const most = sorted()
      const parts = most.slice(0, BRIEF).map((reason) => `${reason.count} like "${shortened(reason.error, 60)}"`)
      const rest = count - most.slice(0, BRIEF).reduce((sum, reason) => sum + reason.count, 0)
      return [...parts, ...(rest > 0 ? [`${rest} others`] : [])].join(', ')
    },
    lines() {
      const most = sorted()
      const lines = most
        .slice(0, SHOWN)
        .map((reason) => `  ${reason.count}${reason.count === 1 ? ':' : ' such as'} ${example(reason)}`)
      const rest = most.slice(SHOWN).reduce((sum, reason) => sum + reason.count, others)
      return [...lines, ...(rest > 0 ? [`  ${rest} for other reasons`] : [])]
    },
  }
}
