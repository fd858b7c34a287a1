import { describe, expect, it } from 'vitest'
import { type TuneRound, tune } from '../../../pipelines/evaluation/tune.js'
import { tuneWarnings } from '../../../pipelines/evaluation/tuneWarnings.js'
import type { Reply } from '../../../src/core/run.js'
import { seeded } from '../../../test/src/eval/eval.js'

type Setting = Readonly<{ k: number; weight: number }>

/** Replies whose text is what the judge gives for them, decoded when asked for. */
function validation(count: number, judged: (setting: Setting) => number, noise = 0.3) {
  const prompts = Array.from({ length: count }, (_, index) => `p${index}`)
  const decoded = new Map<string, number>()
  const settings = new Map<string, Setting>([['greedy', { k: 1, weight: 0 }]])
  const asked: string[] = []
  const reply = (name: string, id: string, index: number): Reply => {
    const setting = settings.get(name)!
    const { normal } = seeded(index + 1000 * setting.k + Math.round(7000 * setting.weight))
    const score = judged(setting) + noise * normal() + index
    return {
      ...{ id, sample: 0, prompt: id, completion: String(score), promptTokenIds: [1], tokenIds: [1, 2, 3, 4] },
      ...{ finishReason: 'stop', reward: setting.weight + noise * normal() },
    }
  }
  const rounds: TuneRound[] = []
  return {
    ...{ rounds, decoded, asked },
    options: {
      prompts,
      async decode(point: 'greedy' | (Setting & Readonly<{ name: string }>), limit: number) {
        const name = point === 'greedy' ? point : point.name
        if (point !== 'greedy') settings.set(name, point)
        decoded.set(name, Math.max(limit, decoded.get(name) ?? 0))
      },
      repliesOf: async function* (name: string) {
        for (const [index, id] of prompts.slice(0, decoded.get(name)).entries()) yield reply(name, id, index)
      },
      judge: {
        ...{ name: 'reward:judge', kind: 'mean' as const },
        measure: async (replies: readonly Reply[]) =>
          replies.map(({ completion }) => {
            asked.push(completion!)
            return Number(completion)
          }),
      },
      onRound: (round: TuneRound) => rounds.push(round),
    },
  }
}

const peak = ({ weight, k }: Setting): number => 3 - (weight - 1.5) ** 2 - (Math.log2(k / 10) / 2) ** 2

describe('tune', () => {
  it('finds the peak between the points of the coarse grid, and stops decoding settings that are behind', async () => {
    const { options, decoded, rounds } = validation(64, peak)
    const { best, rows } = await tune({ ...options, ks: [5, 10, 20], weights: [0.5, 1, 2, 4] })
    expect(best).toEqual({ k: 10, weight: 1.5, name: 'k-10-weight-1.5' })
    expect(decoded.get('greedy')).toBe(64)
    expect(decoded.get('k-10-weight-1.5')).toBe(64)
    expect(decoded.get('k-10-weight-4')).toBe(16)
    expect(rounds[0]).toMatchObject({ grid: 'coarse', prompts: 16, settings: 12 })
    expect(rounds[0]!.behind).toContain('k-5-weight-4')
    expect(rounds.at(-1)).toMatchObject({ grid: 'finer', leader: 'k-10-weight-1.5' })
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['greedy', 'k-10-weight-1.75', 'k-14-weight-1'].slice(0, 1)),
    )
    const winner = rows.find(({ name }) => name === best!.name)!
    expect(winner.differences!.judge!.value).toBeCloseTo(peak({ k: 10, weight: 1.5 }) - peak({ k: 1, weight: 0 }), 0)
    expect(winner.winTie!.value).toBe(1)
  })

  it('asks the judge once about each reply', async () => {
    const { options, asked } = validation(32, peak)
    await tune({ ...options, ks: [5, 10], weights: [1, 2] })
    expect(new Set(asked).size).toBe(asked.length)
  })

  it('gives the same answer where all runs are there already', async () => {
    const { options, rounds } = validation(64, peak, 3)
    const settings = { ...options, ks: [5, 10, 20], weights: [0.5, 1, 2, 4] }
    const first = await tune(settings)
    const before = rounds.splice(0)
    expect(await tune(settings)).toEqual(first)
    expect(rounds).toEqual(before)
  })

  it('has no best setting where greedy decoding is better', async () => {
    const { options } = validation(16, ({ weight }) => -weight)
    const tuned = await tune({ ...options, ks: [10], weights: [1, 2] })
    expect(tuned.best).toBeUndefined()
    expect(tuneWarnings(tuned)).toEqual([
      expect.stringMatching(
        /^The guide's reward rises over greedy decoding while the judge's reward falls: k-10-weight-1, k-10-weight-2/,
      ),
      expect.stringMatching(/^No setting has a higher reward by the judge than greedy decoding/),
    ])
  })

  it('says which setting has no reply that the judge can score', async () => {
    const { options } = validation(16, () => Number.NaN)
    await expect(tune({ ...options, ks: [10], weights: [1] })).rejects.toThrow(
      'Expected a reply of greedy that the judge can score, got none',
    )
  })
})

describe('tuneWarnings', () => {
  const between = (low: number, high: number) => ({ value: (low + high) / 2, low, high })
  const row = (weight: number, reward: number, judge: number, diversity: number) => ({
    ...{ name: `k-10-weight-${weight}`, point: { k: 10, weight, name: `k-10-weight-${weight}` }, rows: 16, errors: 0 },
    ...{ reward: 1, judge: 1, judgeInterval: null, diversity: 0.5, length: 10 },
    differences: {
      reward: between(reward - 0.1, reward + 0.1),
      judge: between(judge - 0.1, judge + 0.1),
      diversity: between(diversity - 0.1, diversity + 0.1),
    },
  })
  const warned = (rows: readonly ReturnType<typeof row>[], best = rows[0]!) => tuneWarnings({ best: best.point, rows })

  it.each([
    ['all is well', [row(1, 1, 1, 0), row(2, 1, 0.5, 0)], []],
    ['the texts repeat themselves', [row(1, 1, 1, -1), row(2, 1, 0, 0)], [/while diversity falls: k-10-weight-1 \(the best\)$/]],
    ['the guide is not satisfied either', [row(1, 1, 1, 0), row(2, -1, -1, -1)], []],
    [
      'the judge sees no difference',
      [row(1, 1, 0.05, 0), row(2, 1, 0, 0)],
      [/^The interval of the judge's difference .* holds 0/],
    ],
    ['the best weight is the largest', [row(2, 1, 1, 0), row(1, 1, 0.5, 0)], [/^2 is the largest weight that was tried/]],
  ] as const)('when %s', (_, rows, messages) =>
    expect(warned(rows)).toEqual(messages.map((message) => expect.stringMatching(message))),
  )
})
