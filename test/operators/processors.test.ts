import { describe, it } from 'vitest'
import { bannedWords } from '../../operators/bannedWords.js'
import { forcedWords } from '../../operators/forcedWords.js'
import { frequencyPenalty } from '../../operators/frequencyPenalty.js'
import { logitBias } from '../../operators/logitBias.js'
import { minP } from '../../operators/minP.js'
import { noRepeatNgram } from '../../operators/noRepeatNgram.js'
import { presencePenalty } from '../../operators/presencePenalty.js'
import { repetitionPenalty } from '../../operators/repetitionPenalty.js'
import { typical } from '../../operators/typical.js'
import { ShapeError } from '../../src/core/errors.js'
import { charCodec } from '../fakes.js'
import { logitsStep, marbles, relays, sparseStep } from '../marbles.js'

const codec = charCodec()
/** Each processor's output for `l`, with prompt 1 2 and reply 3. */
const l = logitsStep(4, 2, 1, 0)
const banned = Number.NEGATIVE_INFINITY

/** Processors that need the logits of all tokens. */
const dense = [
  { name: 'bannedWords', operator: bannedWords({ words: [[2, 3, 0]], codec }), r: logitsStep(banned, 2, 1, 0) },
  {
    name: 'forcedWords',
    operator: forcedWords({ words: [[0]], within: 9, endTokenIds: [1], codec }),
    r: logitsStep(4, banned, 1, 0),
  },
  { name: 'frequencyPenalty', operator: frequencyPenalty({ penalty: 1 }), r: logitsStep(4, 2, 1, -1) },
  { name: 'logitBias', operator: logitBias({ bias: { 0: 1.5, 2: -1 } }), r: logitsStep(5.5, 2, 0, 0) },
  { name: 'noRepeatNgram', operator: noRepeatNgram({ n: 1 }), r: logitsStep(4, banned, banned, banned) },
  { name: 'presencePenalty', operator: presencePenalty({ penalty: 1 }), r: logitsStep(4, 2, 1, -1) },
  { name: 'repetitionPenalty', operator: repetitionPenalty({ penalty: 2 }), r: logitsStep(4, 1, 0.5, 0) },
  { name: 'typical', operator: typical({ p: 0.5 }), r: logitsStep(4, banned, banned, banned) },
]

const all = [...dense, { name: 'minP', operator: minP({ p: 0.5 }), r: logitsStep(4, banned, banned, banned) }]

describe('every logits processor', () => {
  it.each(all)(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source: $name',
    ({ operator, r }) => relays(operator, l, r)(),
  )

  it.each(dense)('errors for sparse logits if it needs all: $name', ({ operator }) =>
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(1) })
      const error = new ShapeError('Expected the logits of the whole vocabulary, got the top 1')
      expectObservable(cold('s|', { s }).pipe(operator)).toBe('#', {}, error)
    })(),
  )
})
