import { describe, expect, it } from 'vitest'
import { groupRows, type RowToMake } from '../../../src/queue/addJobs.js'

async function* rows(...ids: readonly string[]): AsyncGenerator<RowToMake> {
  for (const id of ids) {
    const [name = '', sample = '0'] = id.split('#')
    yield { prompt: { id: name }, promptHash: `hash of ${name}`, sample: Number(sample) }
  }
}

async function groups(jobRows: number, ...ids: readonly string[]): Promise<string[][]> {
  const found: string[][] = []
  for await (const prompts of groupRows(rows(...ids), jobRows))
    found.push(prompts.map(({ prompt, samples }) => `${prompt.id}#${samples.join('')}`))
  return found
}

describe('groupRows', () => {
  it.each([
    ['no rows', 2, [], []],
    ['fewer rows than a job takes', 4, ['a', 'b'], [['a#0', 'b#0']]],
    [
      'full jobs',
      2,
      ['a', 'b', 'c', 'd'],
      [
        ['a#0', 'b#0'],
        ['c#0', 'd#0'],
      ],
    ],
    ['a rest', 2, ['a', 'b', 'c'], [['a#0', 'b#0'], ['c#0']]],
    ['samples, which stay together', 2, ['a#0', 'a#1', 'a#2', 'b#0'], [['a#012'], ['b#0']]],
    ['samples of which some are there', 3, ['a#1', 'b#0', 'b#2', 'c#0'], [['a#1', 'b#02'], ['c#0']]],
  ])('groups %s', async (_, jobRows, ids, expected) => expect(await groups(jobRows, ...ids)).toEqual(expected))
})
