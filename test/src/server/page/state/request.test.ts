import { describe, expect, it } from 'vitest'
import { problemOf } from '../../../../../src/server/page/state/problemOf.js'
import { requestOf } from '../../../../../src/server/page/state/request.js'
import type { DecoderInfo, ServerInfo } from '../../../../../src/server/page/state/serverInfo.js'
import {
  defaultSettings,
  fittedTo,
  freeName,
  labelOf,
  lackOf,
  numberOf,
  optionsOf,
} from '../../../../../src/server/page/state/settings.js'

const decoder = (name: string, options: readonly string[], kind: DecoderInfo['kind'] = 'decoder'): DecoderInfo => ({
  ...{ name, kind, about: '' },
  options: { properties: Object.fromEntries(options.map((option) => [option, { default: 1 }])) },
})

const server: ServerInfo = {
  ...{ lm: 'tiny', decoder: 'args', rewards: ['rm'], maxCandidates: 256 },
  functions: [
    {
      name: 'length',
      options: { properties: { target: { type: 'integer', minimum: 1, description: 'an integer >= 1' } } },
    },
  ],
  decoders: [
    decoder('args', ['k', 'weight']),
    decoder('nucleus', ['p', 'temperature']),
    decoder('beam', ['beams'], 'search'),
    { ...decoder('cut', []), unavailable: 'Expected an amateur' },
    {
      ...decoder('tuned', []),
      options: {
        properties: {
          k: { type: 'integer', default: 5 },
          share: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 1, description: 'a number above 0 and at most 1' },
          blockTokens: { type: 'integer', minimum: 1, default: 8, description: 'an integer >= 1' },
        },
      },
    },
  ],
}

const settings = fittedTo({ ...defaultSettings, rewards: [] }, server)
const words = { name: 'nice', weight: 2, function: 'words', options: { wanted: ['you'] } }

describe('requestOf', () => {
  it('asks for greedy decoding as ARGS of weight 0, so that rewards are there to see', () => {
    const { path, body } = requestOf({ ...settings, rewards: [...settings.rewards, words], temperature: 1 }, 'greedy', server, [])
    expect(path).toBe('/v1/chat/completions')
    expect(body).toMatchObject({
      temperature: 0,
      rxargs: { decoder: 'args', k: 10, weight: { rm: 0, nice: 0 }, detail: 'candidates' },
    })
  })

  it('names rewards and functions with their weights', () => {
    const { body } = requestOf({ ...settings, rewards: [...settings.rewards, words] }, 'guided', server, [])
    expect(body.rxargs).toEqual({
      ...{ decoder: 'args', k: 10, weight: { rm: 1.5, nice: 2 }, detail: 'candidates' },
      rewards: ['rm', { name: 'nice', function: 'words', options: { wanted: ['you'] } }],
    })
  })

  it('continues after token ids, in a plain prompt, too', () => {
    const { path, body } = requestOf({ ...settings, mode: 'prompt', prompt: 'Hi' }, 'guided', server, [3, 4])
    expect(path).toBe('/v1/completions')
    expect(body).toMatchObject({ prompt: 'Hi', rxargs: { reply_token_ids: [3, 4] } })
    expect(body).not.toHaveProperty('messages')
  })

  it.each(['nucleus', 'beam'])('sends %s no setting that it does not read', (name) => {
    const { body } = requestOf({ ...settings, decoder: name }, 'guided', server, [])
    expect(body.rxargs).toEqual({ decoder: name, rewards: ['rm'], detail: 'candidates' })
    expect(body).not.toHaveProperty('temperature')
  })
})

describe('options that have no setting of their own', () => {
  const tuned = { ...settings, decoder: 'tuned', options: { blockTokens: 4 } }

  it('are those of the schema, under names that people read', () =>
    expect(optionsOf(server.decoders.at(-1)).map(([name]) => labelOf(name))).toEqual(['Share', 'Block tokens']))

  it('are sent as far as somebody has changed them', () => {
    expect(requestOf(tuned, 'guided', server, []).body.rxargs).toMatchObject({ decoder: 'tuned', options: { blockTokens: 4 } })
    expect(requestOf({ ...tuned, options: {} }, 'guided', server, []).body.rxargs).not.toHaveProperty('options')
    expect(requestOf(tuned, 'greedy', server, []).body.rxargs).not.toHaveProperty('options')
  })

  it.each([
    [{ share: 0 }, 'Expected `Share` to be a number above 0 and at most 1, got 0'],
    [{ share: 1.5 }, 'Expected `Share` to be a number above 0 and at most 1, got 1.5'],
    [{ share: 0.001 }, undefined],
    [{ blockTokens: 2.5 }, 'Expected `Block tokens` to be an integer >= 1, got 2.5'],
    [{ blockTokens: Number.NaN }, 'Expected `Block tokens` to be an integer >= 1, got no number'],
  ])('%o are checked by their schema', (options, line) => expect(problemOf({ ...tuned, options }, server)).toBe(line))

  it('of another decoder are refused in a link, and go with their decoder', () => {
    expect(lackOf({ ...tuned, decoder: 'nucleus' }, server)).toBe('The decoder `nucleus` has no option `blockTokens`')
    expect(fittedTo({ ...tuned, decoder: 'gone' }, server)).toMatchObject({ decoder: 'args', options: {} })
    expect(fittedTo(tuned, server)).toMatchObject({ decoder: 'tuned', options: { blockTokens: 4 } })
  })
})

describe('the temperature', () => {
  const sampled: DecoderInfo = {
    ...{ name: 'sampled', kind: 'search', about: '' },
    options: { properties: { temperature: { default: 0.7 } } },
  }
  const both = { ...server, decoders: [...server.decoders, sampled] }
  it.each([
    ['args', 0, 0],
    ['args', 2, 2],
    ['sampled', 0, undefined],
    ['sampled', 2, 2],
    ['beam', 2, undefined],
  ])('of %s at %d is sent as %s', (name, temperature, expected) =>
    expect(requestOf({ ...settings, decoder: name, temperature }, 'guided', both, []).body.temperature).toBe(expected),
  )
})

describe('problemOf', () => {
  const user = { role: 'user', content: 'Hi' } as const
  it.each([
    [{ maxTokens: 0 }, 'Expected `Max tokens` to be an integer >= 1, got 0'],
    [{ seed: -1 }, 'Expected `Seed` to be an integer >= 0, got -1'],
    [{ k: 1.5 }, 'Expected `k` to be an integer from 1 to 256, got 1.5'],
    [{ k: 257 }, 'Expected `k` to be an integer from 1 to 256, got 257'],
    [{ temperature: numberOf('') }, 'Expected `Temperature` to be a number from 0 to 100, got no number'],
    [{ rewards: [{ name: 'rm', weight: Number.NaN }] }, 'Expected `Weight of rm` to be a number, got no number'],
    [
      { rewards: [{ name: 'short', weight: 1, function: 'length', options: { target: 0 } }] },
      'Expected `target of short` to be an integer >= 1, got 0',
    ],
    [{ messages: [user, { role: 'user', content: ' \n' }] as const }, 'Expected message 2 to have text, got an empty one'],
    [{ messages: [] }, 'Expected a message, got none'],
    [{ mode: 'prompt', prompt: '' } as const, 'Expected a prompt, got an empty one'],
    [{ mode: 'prompt', prompt: ' ', seed: 0, k: 256 } as const, undefined],
    [{ messages: [user] }, undefined],
  ])('says of %o what is expected', (change, line) => expect(problemOf({ ...settings, ...change }, server)).toBe(line))
})

describe('fittedTo', () => {
  it('replaces rewards and a decoder that the server does not have', () =>
    expect(
      fittedTo({ ...defaultSettings, decoder: 'gone', rewards: [{ name: 'gone', weight: 1 }, words] }, server),
    ).toMatchObject({
      decoder: 'args',
      rewards: [words],
    }))
})

describe('lackOf', () => {
  it.each([
    [{ decoder: 'gone' }, 'This server has no decoder `gone`'],
    [{ rewards: [{ name: 'gone', weight: 1 }] }, 'This server has no reward `gone`; it has rm'],
    [{ decoder: 'cut' }, 'This server cannot run `cut`: Expected an amateur'],
    [{ rewards: [words] }, undefined],
  ])('tells what %o asks for in vain', (change, line) => expect(lackOf({ ...settings, ...change }, server)).toBe(line))

  it('keeps a decoder that cannot run out of the settings', () =>
    expect(fittedTo({ ...defaultSettings, decoder: 'cut' }, server).decoder).toBe('args'))
})

describe('freeName', () => {
  it('counts on', () =>
    expect(
      freeName('words', [
        { name: 'words', weight: 1 },
        { name: 'words-2', weight: 1 },
      ]),
    ).toBe('words-3'))
})
