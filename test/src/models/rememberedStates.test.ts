import { describe, expect, it } from 'vitest'
import { rememberedStates, type StatesRead } from '../../../src/models/rememberedStates.js'
import { ids, sequenceOf } from '../../fakes.js'

/** A model whose state of a token is what was read up to there. */
const memory = () => {
  const asked: StatesRead[] = []
  const remembered = rememberedStates(2, async (calls) => {
    asked.push(...calls)
    return calls.map(({ tokenIds, from, candidateIds }) => {
      const at = (tokens: readonly number[]) => [tokens.length, tokens.at(-1)!]
      const all = [...tokenIds]
      const context = all.map((_, i) => at(all.slice(0, i + 1))).slice(from)
      return Float32Array.from([...context, ...Array.from(candidateIds, (id) => at([...all, id]))].flat())
    })
  })
  return { asked, ...remembered }
}
const meaning = (text: string, candidates: string) => [
  ...Array.from(text, (_, i) => Float32Array.of(i + 1, text.charCodeAt(i))),
  ...Array.from(candidates, (char) => Float32Array.of(text.length + 1, char.charCodeAt(0))),
]

describe('rememberedStates', () => {
  it('reads each position once, and keeps the state of a chosen candidate', async () => {
    const { asked, hiddenStates } = memory()
    const key = {}
    const first = { sequence: sequenceOf('ab', '', { key }), candidateIds: ids('xyz') }
    expect(await hiddenStates([first])).toEqual([meaning('ab', 'xyz')])
    const second = { sequence: sequenceOf('ab', 'y', { key }), candidateIds: ids('uv') }
    expect(await hiddenStates([second])).toEqual([meaning('aby', 'uv')])
    const other = { sequence: sequenceOf('ab', 'yw', { key }), candidateIds: ids('u') }
    expect(await hiddenStates([other])).toEqual([meaning('abyw', 'u')])
    expect(asked.map(({ from }) => from)).toEqual([0, 3, 3])
  })
  it('forgets candidates that are not chosen', async () => {
    const { hiddenStates } = memory()
    const key = {}
    await hiddenStates([{ sequence: sequenceOf('ab', '', { key }), candidateIds: ids('xyz') }])
    const [states] = await hiddenStates([{ sequence: sequenceOf('ab', 'y', { key }), candidateIds: ids('uv') }])
    expect(states![2]!.buffer.byteLength).toBe(2 * 4)
  })

  it('gives the states of the tokens after a fork, after a release, and for several sequences at once', async () => {
    const { asked, hiddenStates, release } = memory()
    const [key, another] = [{}, {}]
    const call = (prompt: string, reply: string, its: object) => ({
      sequence: sequenceOf(prompt, reply, { key: its }),
      candidateIds: ids('xy'),
    })
    await hiddenStates([call('abc', 'de', key)])
    const both = await hiddenStates([call('abc', 'x', key), call('q', '', another)])
    expect(both).toEqual([meaning('abcx', 'xy'), meaning('q', 'xy')])
    release(key)
    expect(await hiddenStates([call('abc', 'x', key)])).toEqual([meaning('abcx', 'xy')])
    expect(asked.map(({ from }) => from)).toEqual([0, 3, 0, 0])
  })
})
