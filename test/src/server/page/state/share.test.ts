import { describe, expect, it } from 'vitest'
import { defaultSettings } from '../../../../../src/server/page/state/settings.js'
import { fragmentOf, linkSettings } from '../../../../../src/server/page/state/share.js'

describe('a link', () => {
  it.each([
    ['the settings of a first visit', {}],
    ['text of any kind', { messages: [{ role: 'user', content: 'ä & b = #c\n"你好" %20 +' }] as const }],
    ['a plain prompt', { mode: 'prompt', prompt: '  two spaces & a #' } as const],
    ['options of a decoder', { decoder: 'beam', options: { beams: 3, lengthPenalty: 0.5 } }],
    ['numbers', { k: 3, temperature: 0.7, maxTokens: 9, seed: 2 ** 53 - 1 }],
    [
      'rewards with options',
      {
        rewards: [
          { name: 'a', weight: -0.5 },
          { name: 'b', weight: 2, function: 'regex', options: { pattern: '[&#]' } },
        ],
      },
    ],
  ])('carries %s', (_, change) => {
    const settings = { ...defaultSettings, ...change }
    const read = linkSettings(fragmentOf(settings))
    const { prompt, messages, ...rest } = settings
    expect(read).toMatchObject(settings.mode === 'prompt' ? { ...rest, prompt } : { ...rest, messages })
  })

  it.each([
    ['#k=0', 'Expected `k` of this link to be an integer >= 1, got `0`'],
    ['#k=1.5', 'Expected `k` of this link to be an integer >= 1, got `1.5`'],
    ['#seed=', 'Expected `seed` of this link to be an integer >= 0, got ``'],
    ['#temperature=-1', 'Expected `temperature` of this link to be a number from 0 to 100, got `-1`'],
    ['#mode=talk', 'Expected `mode` of this link to be prompt or chat, got `talk`'],
    [
      '#messages=[{"role":"boss","content":""}]',
      'Expected `messages` of this link to be a list of messages, got `[{"role":"boss","content":""}]`',
    ],
    ['#rewards={', 'Expected `rewards` of this link to be a list of rewards, got `{`'],
    ['#rewards=[{"name":"a","weight":1,"path":"/"}]', 'to be a list of rewards'],
    ['#options=[1]', 'Expected `options` of this link to be options by name, got `[1]`'],
    ['#key=secret', 'This link says `key`, which is no setting'],
    ['#constructor=1', 'This link says `constructor`, which is no setting'],
  ])('%s is refused by name', (fragment, message) => expect(() => linkSettings(fragment)).toThrow(message))
})
