import { expect, it } from 'vitest'
import { jobs } from '../../../pipelines/run/jobs.js'
import { promptsOf } from '../../fakes.js'

it('gives a second prompt of an id a name of its own, even where its place is taken, too', async () => {
  const twice = { id: 'in.jsonl:2', place: 'in.jsonl:2', content: { text: 'x' } }
  const ids: string[] = []
  for await (const { prompt } of jobs(promptsOf([{ ...twice, place: 'in.jsonl:1' }, twice]), { samples: 1 })) ids.push(prompt.id)
  expect(ids).toEqual(['in.jsonl:2', 'in.jsonl:2 (2)'])
})
