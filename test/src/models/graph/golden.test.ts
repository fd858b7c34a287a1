import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { chain, type GraphSession, goldenFolder, openGraph, tree } from './graphSession.js'

type Step = Readonly<{ candidateIds: number[]; logits: number[]; rewards?: number[] }>
type Case = Readonly<{ id: string; promptTokenIds: number[]; tokenIds: number[]; reward: number; steps: Step[] }>

/** Pairs of checkpoints; exported graphs are run as they are. */
const pairs = readdirSync(goldenFolder, { withFileTypes: true }).filter(({ name }) => {
  const folder = join(goldenFolder, name, 'lm')
  return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.safetensors'))
})
const largestGap = (actual: ArrayLike<number>, expected: readonly number[]) =>
  Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)))

describe.each(pairs.map(({ name }) => name))('the pair %s, against full passes of transformers', (name) => {
  const { cases } = JSON.parse(readFileSync(join(goldenFolder, name, 'golden.json'), 'utf8')) as { cases: Case[] }
  let lm: GraphSession
  let reward: GraphSession
  beforeAll(async () => {
    lm = await openGraph(join(goldenFolder, name, 'lm'))
    reward = await openGraph(join(goldenFolder, name, 'reward'))
  })

  it('gives the same top logits, token by token over its cache', async () => {
    for (const { promptTokenIds, tokenIds, steps } of cases) {
      let cached = lm.empty()
      let next: readonly number[] = promptTokenIds
      for (const [index, step] of steps.entries()) {
        // Where positions change with the length, what is cached of a shorter sequence is of no use.
        if (lm.longAfter !== undefined) [cached, next] = [lm.empty(), [...promptTokenIds, ...tokenIds.slice(0, index)]]
        const pass = chain(cached, next)
        const [answer] = await lm.run([pass])
        const logits = answer!.heads[0]!
        const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b)
        expect(order.slice(0, step.candidateIds.length)).toEqual(step.candidateIds)
        expect(
          largestGap(
            step.candidateIds.map((id) => logits[id]!),
            step.logits,
          ),
        ).toBeLessThan(5e-5)
        cached = lm.grown(pass, answer!)
        next = [tokenIds[index]!]
      }
    }
  })

  it('gives the same rewards for candidate trees over a committed row, and for the whole sequence', async () => {
    for (const { promptTokenIds, tokenIds, reward: whole, steps } of cases) {
      const prompt = chain(reward.empty(), promptTokenIds)
      const [prefilled] = await reward.run([prompt])
      let cached = reward.grown(prompt, prefilled!)
      let last = prefilled!.heads[0]![0]!
      for (const [index, { candidateIds, rewards }] of steps.entries()) {
        const fresh = reward.longAfter !== undefined
        const prefix = [...promptTokenIds, ...tokenIds.slice(0, index)]
        const pass = fresh ? tree(reward.empty(), candidateIds, prefix) : tree(cached, candidateIds)
        const [answer] = await reward.run([pass])
        const chosen = candidateIds.indexOf(tokenIds[index]!)
        const values = answer!.heads.map((head) => head[0]!)
        if (rewards) expect(largestGap(values, rewards)).toBeLessThan(5e-5)
        last = values[chosen]!
        if (!fresh) cached = reward.grown(pass, answer!, [chosen])
      }
      expect(Math.abs(last - whole)).toBeLessThan(5e-5)
    }
  })
})
