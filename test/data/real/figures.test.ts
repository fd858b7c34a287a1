import { describe, expect, it } from 'vitest'

type Row = Readonly<{
  id: string
  reply: string
  tokens: number
  guide: number
  judge: number
  diversity?: number
  perplexity?: number | null
}>
type Share = Readonly<{ value: number; low: number; high: number }>
type Figures = Readonly<{
  positiveShare: (rows: readonly Row[]) => Share
  winTie: (
    rows: readonly Row[],
    against: readonly Row[],
  ) => Readonly<{ win: number; tie: number; lose: number; prompts: number; share?: Share }>
  difference: (rows: readonly Row[], against: readonly Row[], name: string) => Share | null
  perplexityOf: (rows: readonly Row[]) => number | undefined
  sideBySide: (prompts: readonly object[], rows: readonly object[]) => unknown
  askedIn: (prompt: object) => string
  figuresOf: (
    table: object,
    run: object,
    rows: readonly Row[],
    first: readonly Row[],
    focus?: readonly Row[],
  ) => Readonly<Record<string, unknown>>
}>
type Report = Readonly<{ figuresTable: (figures: readonly object[]) => string }>

const folder = new URL('../../../data/real/', import.meta.url)
const { positiveShare, winTie, difference, perplexityOf, figuresOf, sideBySide, askedIn } = (await import(
  new URL('figures.mjs', folder).href
)) as Figures
const { figuresTable } = (await import(new URL('report.mjs', folder).href)) as Report

const row = (id: string, judge: number, reply = id, guide = judge): Row => ({ id, reply, tokens: 4, guide, judge, diversity: 1 })

describe('positiveShare', () => {
  it('counts replies above 0', () => expect(positiveShare([row('a', 1), row('b', 0), row('c', -1), row('d', 2)]).value).toBe(0.5))
})

describe('winTie', () => {
  const first = [row('a', 0), row('b', 0), row('c', 0)]

  it('pairs replies by prompt and leaves out those that one run lacks', () =>
    expect(winTie([row('a', 1, 'x'), row('b', -1, 'y'), row('d', 9)], first)).toMatchObject({
      win: 1,
      tie: 0,
      lose: 1,
      prompts: 2,
    }))

  it('calls equal texts a tie, whatever the judge reads', () =>
    expect(winTie([row('a', -1, 'a')], first)).toMatchObject({ win: 0, tie: 1, lose: 0 }))
})

describe('difference', () => {
  it('is the mean over shared prompts with an interval around it', () => {
    const { value, low, high } = difference([row('a', 3), row('b', 1)], [row('a', 1), row('b', 1), row('c', 7)], 'judge')!
    expect(value).toBe(1)
    expect(low).toBeLessThanOrEqual(value)
    expect(high).toBeGreaterThanOrEqual(value)
  })

  it('is null without shared prompts', () => expect(difference([row('a', 3)], [row('b', 1)], 'judge')).toBeNull())
})

describe('perplexityOf', () => {
  it('weighs replies by their tokens and leaves out those that were not read', () => {
    const rows = [
      { ...row('a', 0), perplexity: 1 },
      { ...row('b', 0), tokens: 12, perplexity: 2 },
      { ...row('c', 0), perplexity: null },
    ]
    expect(perplexityOf(rows)).toBeCloseTo(Math.exp((4 * 1 + 12 * 2) / 16))
    expect(perplexityOf([row('a', 0)])).toBeUndefined()
  })
})

describe('focus', () => {
  it('is compared with each other run', () => {
    const [greedy, args] = [[row('a', 1)], [row('a', 2, 'x')]]
    const run = { name: 'greedy', modelTokens: 1 }
    expect(figuresOf({ verdict: 'win' }, run, greedy, greedy, args)).toMatchObject({ focusWins: { win: 1, prompts: 1 } })
    expect(figuresOf({ verdict: 'win' }, run, args, greedy, args)).not.toHaveProperty('focusWins')
  })
})

describe('rules', () => {
  it('are read from the replies', () => {
    const replies = ['You can.', `One sentence ${'a'.repeat(100)}.`, 'First. Second, not yours', 'Ask your cat? No!']
    const rows = replies.map((reply, index) => row(`${index}`, 0, reply))
    expect(figuresOf({ verdict: 'rules' }, { name: 'greedy', modelTokens: 1 }, rows, rows)).toMatchObject({
      near: { value: 0.25 },
      withoutYou: { value: 0.5 },
      oneSentence: { value: 0.5 },
    })
  })
})

describe('sideBySide', () => {
  it('has one record for each prompt with replies, rounded rewards and what was asked', () =>
    expect(
      sideBySide(
        [
          { id: 'a', prompt: 'Once' },
          { id: 'b', prompt: 'no reply' },
        ],
        [
          { ...row('a', 0.12345, 'upon'), run: 'greedy' },
          { ...row('a', -1, 'more'), run: 'args' },
        ],
      ),
    ).toEqual([
      {
        id: 'a',
        prompt: 'Once',
        replies: { greedy: { reply: 'upon', guide: 0.123, judge: 0.123 }, args: { reply: 'more', guide: -1, judge: -1 } },
      },
    ]))
})

describe('askedIn', () => {
  it('is the text of a prompt, or of the turns of a chat without the template', () => {
    expect(askedIn({ prompt: 'Once' })).toBe('Once')
    expect(askedIn({ messages: [{ content: 'Hello' }, { content: 'Hi' }] })).toBe('Hello\nHi')
  })
})

describe('figuresTable', () => {
  const first = [row('a', 1), row('b', -1)]
  const run = { name: 'greedy', modelTokens: 1 }
  const other = [row('a', 2, 'x'), row('b', 1, 'y')]

  it('leaves out columns that no run fills', () => {
    const figures = [figuresOf({ verdict: 'win' }, run, first, first)]
    expect(figuresTable(figures)).not.toMatch(/perplexity|positive|win-tie/)
  })

  it('compares each run with the first', () => {
    const figures = [
      figuresOf({ verdict: 'positive' }, run, first, first),
      figuresOf({ verdict: 'positive' }, { name: 'args', modelTokens: 11 }, other, first),
    ]
    const [, , greedy, args] = figuresTable(figures).split('\n')
    expect(greedy).toContain('| `greedy` | 2 | 50% [9, 91] |')
    expect(args).toContain('| 100% [34, 100] | 100% [34, 100] | 2 / 0 / 0 |')
  })
})
