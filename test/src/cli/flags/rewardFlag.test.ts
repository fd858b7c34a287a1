import { describe, expect, it } from 'vitest'
import { functionReward, rewardFlag } from '../../../../src/cli/flags/rewardFlag.js'

describe('rewardFlag', () => {
  it.each([
    ['./models/rm', { kind: 'model', name: 'rm', path: './models/rm' }],
    ['safe=./models/rm', { kind: 'model', name: 'safe', path: './models/rm' }],
    ['./my-reward.js', { kind: 'module', name: 'my-reward', path: './my-reward.js' }],
    ['short=a/b.mjs', { kind: 'module', name: 'short', path: 'a/b.mjs' }],
    ['json()', { kind: 'function', name: 'json', of: 'json', options: {} }],
    ['json', { kind: 'function', name: 'json', of: 'json', options: {} }],
    ['fits=regex', { kind: 'function', name: 'fits', of: 'regex', options: {} }],
    ['./json', { kind: 'model', name: 'json' }],
    ['s=length( target = 20 ,unit=words )', { name: 's', of: 'length', options: { target: '20', unit: 'words' } }],
    [
      String.raw`regex(pattern="\d,\"(\s)", flags=i)`,
      { name: 'regex', of: 'regex', options: { pattern: String.raw`\d,"(\s)`, flags: 'i' } },
    ],
    ['./a(b)', { kind: 'model', name: 'a(b)' }],
  ])('reads %s', (text, flag) => expect(rewardFlag(text)).toMatchObject(flag))

  it.each([
    ['length(200)', 'Expected options as `NAME=VALUE, NAME="VALUE"` in `length(200)`'],
    ['length(target=1, target=2)', 'Expected each option once in `length(target=1, target=2)`, got `target` twice'],
    ['lenth', 'found no `lenth` (did you mean `length`?)'],
    ['words(banned="a)', 'Expected options as'],
    ['regex(pattern=a{1,2})', 'Expected options as'],
  ])('refuses %s', (text, message) => expect(() => rewardFlag(text)).toThrow(message))
})

describe('functionReward', () => {
  const spec = (text: string) => {
    const flag = rewardFlag(text)
    return flag.kind === 'function' ? functionReward(flag).spec : undefined
  }
  it('reads options by the schema of their function', () => {
    expect(spec('length(target=20)')).toEqual({ length: { target: 20, unit: 'characters' } })
    expect(spec('regex(pattern=20, count=true)')).toEqual({ regex: { pattern: '20', flags: 'u', count: true } })
    expect(spec('words(banned="a, b c", wanted=d)')).toEqual({ words: { wanted: ['d'], banned: ['a', 'b c'] } })
  })
  it('reads numbers by names', () => {
    expect(spec('b=ensemble(of="x-1, y", weight="x-1=2, y = -1e3")')).toMatchObject({
      ensemble: { of: ['x-1', 'y'], weight: { 'x-1': 2, y: -1000 } },
    })
    expect(() => spec('ensemble(of="x, y", weight="x=two")')).toThrow(
      'Expected `weight` to be finite numbers by member name, got `x=two` (string)',
    )
  })
  it('shows the flag as written in its error', () => {
    expect(() => spec('length(target=ten)')).toThrow('Expected `target` to be an integer >= 1, got `ten` (string)')
    expect(() => spec('length(target=)')).toThrow('Expected `target` to be an integer >= 1, got `` (string)')
    expect(() => spec('lenth(target=2)')).toThrow('got `lenth` (did you mean `length`?)')
    expect(() => spec('best()')).toThrow(
      'Expected a reward function (length, regex, json, repetition, words, ensemble), got `best`',
    )
  })
})
