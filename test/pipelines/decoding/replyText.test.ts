import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { finish } from '../../../pipelines/decoding/finish.js'
import { replyText } from '../../../pipelines/decoding/replyText.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { TextCodec } from '../../../src/core/model.js'
import { charCodec, fakeLm, fakeModels, promptsOf, rowsOf, sequenceOf } from '../../fakes.js'

const END = 0
/** Tokens are bytes of UTF-8; 0 is the end. */
const codec: TextCodec = {
  ...charCodec(),
  encode: (text) => [...Buffer.from(text)],
  decode: (ids) => Buffer.from(ids.filter((id) => id !== END)).toString(),
}

/** The pieces of a reply made of these tokens, and its completion. */
function piecesOf(tokenIds: readonly number[], stop: readonly string[]) {
  const finished = finish({ codec, endTokenIds: [END], stop, maxNewTokens: tokenIds.length, contextLength: 1e6 })
  const start = sequenceOf('ab', '')
  const pieceOf = replyText(codec, start, stop)
  const pieces: string[] = []
  for (const [step, tokenId] of tokenIds.entries()) {
    const end = finished({ ...start, tokenIds: tokenIds.slice(0, step + 1) })
    pieces.push(pieceOf({ tokenId, ...(end && { finish: end }) }))
    if (end) return { pieces, completion: end.completion }
  }
  throw new Error('unfinished')
}

describe('replyText', () => {
  it('emits characters once they are complete', () => {
    expect(piecesOf([...Buffer.from('aé👍'), END], []).pieces).toEqual(['a', '', 'é', '', '', '', '👍', ''])
  })

  it('holds back a possible start of a stop string, and emits it if it is none', () => {
    expect(piecesOf([...Buffer.from('xab!ab.')], ['ab.', '.x']).pieces).toEqual(['x', '', '', 'ab!', '', '', ''])
  })

  it('emits an incomplete end as the completion has it', () => {
    expect(piecesOf([97, 0xf0, 0x9f], []).pieces).toEqual(['a', '', '\uFFFD'])
  })

  it('adds up to the completion for any tokens and stop strings', () => {
    const bytes = fc.array(fc.constantFrom(END, ...Buffer.from('ab.é👍')), { minLength: 1, maxLength: 20 })
    const stops = fc.array(fc.constantFrom('a', 'ab', 'ba', 'é', 'b.é', '👍'), { maxLength: 2 })
    fc.assert(
      fc.property(bytes, stops, (tokenIds, stop) => {
        const { pieces, completion } = piecesOf(tokenIds, stop)
        expect(pieces.join('')).toBe(completion)
      }),
    )
  })

  it('is what an observer of a run receives', async () => {
    const texts = new Map<string, string>()
    const models = fakeModels(fakeLm({ endLogit: 0.5 }))
    const run = generate(promptsOf(['a', 'b', 'c', 'd']), args({ k: 3 }), models, {
      maxNewTokens: 30,
      stop: ['e', 'no'],
      observe: { onToken: ({ key, text }) => texts.set(key.id, `${texts.get(key.id) ?? ''}${text}`) },
    })
    const rows = await rowsOf(run)
    expect(rows.map(({ id }) => texts.get(id))).toEqual(rows.map(({ completion }) => completion))
  })
})
