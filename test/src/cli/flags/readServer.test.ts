import { expect, it } from 'vitest'
import { namesServer } from '../../../../src/cli/flags/readServer.js'

it.each([
  ['generate p.jsonl --lm http://host/v1', true],
  ['generate p.jsonl --lm=HTTPS://host/v1', true],
  ['generate p.jsonl --lm m --reward safe=https://host/classify', true],
  ['generate p.jsonl --reward=safe=http://host/classify', true],
  ['eval out --reward-model r=http://host', true],
  ['judge a b --judge http://host/v1 --model m', true],
  ['tune p.jsonl --judge j=http://host', true],
  ['generate https://host/prompts.jsonl -o s3://bucket/out', false],
  ['generate p.jsonl --lm m --otlp http://collector:4318', false],
  ['generate p.jsonl --lm m --stop http://', false],
  ['pull ORG/NAME', false],
  ['generate p.jsonl --lm', false],
])('tells a model behind HTTP from other addresses: %s', (line, names) => {
  expect(namesServer(line.split(' '))).toBe(names)
})
