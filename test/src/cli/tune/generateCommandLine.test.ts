import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { generateCommandLine } from '../../../../src/cli/tune/generateCommandLine.js'

const point = { k: 7, weight: 0.75, name: 'k-7-weight-0.75' }
const given = [
  { flag: '--judge', value: 'rm' },
  { flag: '--decoder', value: 'args-stochastic' },
  { flag: '--temperature', value: '0.5' },
  { flag: '--stop', value: "\n\nHuman's turn: $HOME" },
  { flag: '--stop', value: '' },
  { flag: '--trace', value: undefined },
  { flag: '--weight', value: '1,2' },
  { flag: '--limit', value: '60' },
]

describe('generateCommandLine', () => {
  it('keeps the flags of generate in their order, without those of the validation', () =>
    expect(generateCommandLine('p.jsonl', given.slice(0, 3), point)).toBe(
      'npx rxargs generate p.jsonl --decoder args-stochastic --temperature 0.5 --k 7 --weight 0.75 -o out/',
    ))

  it('has no flags of another decoder for greedy decoding', () =>
    expect(generateCommandLine('p.jsonl', [...given.slice(0, 3), given[5]!], undefined)).toBe(
      'npx rxargs generate p.jsonl --trace --decoder greedy -o out/',
    ))

  it.skipIf(process.platform === 'win32')('quotes words so that a shell reads what the user wrote', () => {
    const command = generateCommandLine('my prompts.jsonl', given, point).replace('npx rxargs', `printf '%s\\0'`)
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual([
      ...['generate', 'my prompts.jsonl', '--decoder', 'args-stochastic', '--temperature', '0.5'],
      ...['--stop', "\n\nHuman's turn: $HOME", '--stop', '', '--trace', '--k', '7', '--weight', '0.75', '-o', 'out/'],
    ])
  })
})
