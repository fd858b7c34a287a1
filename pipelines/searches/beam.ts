import { EMPTY, expand, filter, finalize, forkJoin, from, map, mergeMap, type Observable, of, take, tap } from 'rxjs'
import * as z from 'zod'
import { logSumExp, topIndices } from '../../src/core/math.js'
import type { Logits } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { DecodedStep, Search } from '../decoding/decode.js'
import type { Finish } from '../decoding/finish.js'
import { withOptions } from '../decoding/withOptions.js'

/** All beams are in memory at once. */
const MOST = 65_536

export const beamOptions = z.strictObject({
  beams: z.int().min(1).max(MOST).default(4).describe(`an integer from 1 to ${MOST}`),
  lengthPenalty: z.number().default(1).describe('a finite number'),
})
export type BeamOptions = Readonly<{
  /** How many sequences continue at each step (4). */
  beams?: number | undefined
  /** Scores are divided by the length to this power (1). */
  lengthPenalty?: number | undefined
}>

/** A running sequence, the sum of its tokens' log-probabilities, and the beam that it continues. */
type Beam = Readonly<{ sequence: Sequence; score: number; step?: DecodedStep; parent?: Beam }>
/** A beam and its next token. */
type Continuation = Readonly<{ parent: Beam; tokenId: number; logit: number; score: number }>
type State = Readonly<{ running: readonly Beam[]; finished: readonly Readonly<{ beam: Beam; score: number }>[]; isOver: boolean }>
type Finished = (sequence: Sequence) => Finish | undefined

/**
 * Beam search: the `beams` sequences with the highest sums of log-probabilities continue. The reply is the finished sequence with the
 * highest `sum / tokens^lengthPenalty`. The search ends when no running sequence, at its current length, would be among the best `beams`
 * finished ones. A step's score is the sum up to its token.
 *
 * - ties: the better beam wins, then the lower token id
 * - needs the logits of all tokens
 *
 * @see transformers generation/utils.py `_beam_search` with `early_stopping=False`
 */
export const beam = withOptions<BeamOptions, Search>('beam', beamOptions, ({ beams, lengthPenalty }) => ({
  search: ({ lm }) => {
    return {
      entry: { name: 'beam', options: { beams, lengthPenalty } },
      spec: { steps: [{ beam: { beams, lengthPenalty } }] },
      need: 'all',
      sequences: beams,
      steps: (start, finish) => {
        const sequences = new Map([[start.key, start]])
        const hold = ({ running, isOver }: State): void => {
          const live = new Map(isOver ? [] : running.map(({ sequence }) => [sequence.key, sequence]))
          for (const [key, sequence] of sequences) if (!live.has(key)) lm.release(sequence)
          sequences.clear()
          for (const [key, sequence] of live) sequences.set(key, sequence)
        }
        const next = (state: State): Observable<State> =>
          state.isOver
            ? EMPTY
            : forkJoin(state.running.map(({ sequence }) => from(lm.logits(sequence, 'all')).pipe(take(1)))).pipe(
                map((logits) => advance(state, logits, { beams, lengthPenalty, finish })),
                tap(hold),
              )
        const first: State = { running: [{ sequence: start, score: 0 }], finished: [], isOver: false }
        return of(first).pipe(
          expand(next),
          filter(({ isOver }) => isOver),
          mergeMap(({ finished }) => stepsOf(finished[0]!.beam, start)),
          finalize(() => {
            for (const sequence of sequences.values()) lm.release(sequence)
          }),
        )
      },
    }
  },
}))

type Setting = Readonly<{ beams: number; lengthPenalty: number; finish: Finished }>

/** Advances by one token: keeps the best finished sequences among the first `beams`, and continues the best unfinished ones. */
function advance(
  { running, finished: before }: State,
  logits: readonly Logits[],
  { beams, lengthPenalty, finish }: Setting,
): State {
  const length = running[0]!.sequence.tokenIds.length + 1
  const taken = new Set<object>()
  const going: Beam[] = []
  const ended: { beam: Beam; score: number }[] = []
  let rank = 0
  for (const continuation of continuations(running, logits, 2 * beams)) {
    const grown = grow(continuation, finish, taken)
    if (!grown.step!.finish) going.push(grown)
    else if (rank < beams) ended.push({ beam: grown, score: grown.score / length ** lengthPenalty })
    rank++
    // At the token limit nothing continues, however many are tried.
    if (going.length === beams || (rank >= beams && grown.step!.finish?.reason === 'length')) break
  }
  const finished = [...before, ...ended].sort((a, b) => b.score - a.score).slice(0, beams)
  const hopeless =
    finished.length === beams && going.length > 0 && going[0]!.score / length ** lengthPenalty <= finished.at(-1)!.score
  return { running: going, finished, isOver: going.length === 0 || hopeless }
}

/** Yields the continuations of all beams, best first. Looks at more tokens of each beam when the first ones are used up. */
function* continuations(running: readonly Beam[], logits: readonly Logits[], many: number): Generator<Continuation> {
  const totals = logits.map(({ values }) => logSumExp(values))
  const vocabulary = Math.max(...logits.map(({ values }) => values.length))
  let count = 0
  for (let width = many; ; width *= 2) {
    const tops = logits.map(({ values }) => topIndices(values, Math.min(width, values.length)))
    const all = running.flatMap((parent, index) => {
      const { values, tokenIds } = logits[index]!
      return Array.from(tops[index]!, (at) => ({
        parent,
        tokenId: tokenIds?.[at] ?? at,
        logit: values[at]!,
        score: parent.score + values[at]! - totals[index]!,
      }))
    })
    // The sort is stable, so ties go to the better beam. Only the first `width` are in their final places.
    const sorted = all.sort((a, b) => b.score - a.score)
    // Forbidden tokens are left out, so a grammar may leave a beam few others.
    const isAll = tops.every(({ length }) => length < width) || width >= vocabulary
    const sure = isAll ? sorted.length : Math.min(width, sorted.length)
    yield* sorted.slice(count, sure)
    count = sure
    if (isAll) return
  }
}

/** Makes a beam of a continuation. The first continuation of a beam inherits its key and cache; the others are forks. */
function grow({ parent, tokenId, logit, score }: Continuation, finish: Finished, taken: Set<object>): Beam {
  const grown = { ...parent.sequence, tokenIds: [...parent.sequence.tokenIds, tokenId] }
  const done = finish(grown)
  const isFork = done !== undefined || taken.has(parent.sequence.key)
  taken.add(isFork ? grown : parent.sequence.key)
  const sequence = isFork ? { ...grown, key: {} } : grown
  const one = { tokenIds: Int32Array.of(tokenId), tokenLogits: Float32Array.of(logit), scores: Float32Array.of(score) }
  return { sequence, score, parent, step: { ...one, sequence, index: 0, tokenId, ...(done && { finish: done }) } }
}

/** Returns the steps of a beam from its first token on, under the key of the searched sequence. */
function stepsOf(last: Beam, { key }: Sequence): DecodedStep[] {
  const steps: DecodedStep[] = []
  for (let at: Beam | undefined = last; at?.step; at = at.parent)
    steps.push({ ...at.step, sequence: { ...at.step.sequence, key } })
  return steps.reverse()
}
