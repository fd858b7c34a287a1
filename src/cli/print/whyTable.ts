import type { TextCodec } from '../../core/model.js'
import type { RunMeta, TracedReply } from '../../core/run.js'
import type { DecoderSpec } from '../../core/step.js'
import { tokenText } from '../../core/text/decodedText.js'
import type { Candidate, Decision } from '../../eval/decisions.js'
import { inOneLine } from './fit.js'
import { formatTable } from './formatTable.js'

const DIGITS = 3

/** A reply with its decisions, and its tokenizer if it was found. */
export type Why = Readonly<{
  reply: TracedReply
  decisions: readonly Decision[]
  codec: TextCodec | undefined
  /** Description of the run's decoder. A row may have set its own. */
  decoder: string | undefined
}>

const number = (value: number | null | undefined): string => (value === null || value === undefined ? '' : value.toFixed(DIGITS))

/** Text of a candidate after the tokens before it. */
export const textOf = ({ reply, codec }: Pick<Why, 'reply' | 'codec'>, position: number, tokenId: number): string | null =>
  codec === undefined
    ? null
    : tokenText(codec, [...(reply.promptTokenIds ?? []), ...(reply.tokenIds ?? []).slice(0, position)], tokenId)

/** Quotes a text and escapes everything that could control the terminal. */
const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[\p{Control}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** Names of the rewards, in order. */
const rewardsOf = (decisions: readonly Decision[]): string[] => [
  ...new Set(decisions.flatMap(({ candidates }) => candidates.flatMap(({ rewards }) => Object.keys(rewards)))),
]

const nameToken = (why: Why, position: number, tokenId: number): string => {
  const text = textOf(why, position, tokenId)
  return text === null ? String(tokenId) : `${quote(text)} (${tokenId})`
}

const numbers = (candidate: Candidate | undefined, rewards: readonly string[]): string[] => [
  number(candidate?.logit),
  ...rewards.map((name) => number(candidate?.rewards[name])),
  number(candidate?.score),
]

/** One line per step. If greedy decoding would have chosen another token, the next line has that token. */
export function overview(why: Why): string[] {
  const { decisions } = why
  const rewards = rewardsOf(decisions)
  const last = String(decisions.at(-1)?.position ?? 0).length
  const rows = decisions.flatMap(({ position, tokenId, candidates, chosen, greedy, differs }) => {
    const step = `${String(position).padStart(last)}  ${nameToken(why, position, tokenId)}`
    const instead = candidates[greedy]
    return [
      [step, ...numbers(candidates[chosen], rewards)],
      ...(differs && instead
        ? [[`${' '.repeat(last)}  ≠ greedy ${nameToken(why, position, instead.tokenId)}`, ...numbers(instead, rewards)]]
        : []),
    ]
  })
  return formatTable([['step, token', 'logit', ...rewards, 'score'], ...rows], 'text')
}

/** Lists all candidates of each step. */
export const inFull = (why: Why): string[] => why.decisions.flatMap((decision) => [...stepLines(why, decision), ''])

function stepLines(why: Why, { position, tokenId, candidates, chosen, greedy, best, differs }: Decision): string[] {
  const rewards = [...new Set(candidates.flatMap(({ rewards: own }) => Object.keys(own)))]
  const name = (index: number): string => nameToken(why, position, candidates[index]!.tokenId)
  const reason =
    chosen < 0
      ? 'not one of the candidates'
      : best < 0 || chosen === best
        ? 'the highest score'
        : `although ${name(best)} has the highest score`
  const rows = candidates.map((candidate, index) => {
    const marks = [index === chosen ? '→' : ' ', index === greedy && differs ? '≠' : ' ']
    return [`${marks.join('')} ${name(index)}`, ...numbers(candidate, rewards)]
  })
  return [
    `step ${position}: ${nameToken(why, position, tokenId)}, ${reason}${differs ? `; greedy would have chosen ${name(greedy)}` : ''}`,
    ...formatTable([['→ chosen, ≠ greedy', 'logit', ...rewards, 'score'], ...rows], 'text'),
  ]
}

/** Describes the decoder of a run by its steps and their options. */
export function decoderText(meta: RunMeta | undefined): string | undefined {
  const decoder = meta?.spec.decoder as DecoderSpec | undefined
  const steps = decoder?.steps.map((step) => {
    const [name, options] = Object.entries(step)[0]!
    const values = Object.entries(options ?? {}).map(([option, value]) => `${option} ${JSON.stringify(value)}`)
    return values.length > 0 ? `${name} (${values.join(', ')})` : name
  })
  return steps?.join(', ')
}

/** Warns if the run has dropped candidates that greedy decoding could have chosen. */
export function prunedNotice({ spec }: RunMeta): string | undefined {
  const decoder = spec.decoder as DecoderSpec | undefined
  return decoder?.steps.some((step) => 'batchRewardPruned' in step)
    ? 'the decoder dropped candidates that could not win, so greedy is the likeliest of the rest'
    : undefined
}

/** Says which reply the steps belong to. */
export function heading({ reply, decisions, decoder }: Why): string[] {
  const { id, sample, prompt, completion, reward, tokenIds } = reply
  const differing = decisions.filter(({ differs }) => differs).length
  const of = decisions.length === tokenIds?.length ? '' : ` of ${tokenIds?.length ?? 0}`
  return [
    `${inOneLine(id)}, sample ${sample}: ${inOneLine(prompt ?? '')}`,
    `reply: ${inOneLine(completion ?? '')}`,
    ...(decoder === undefined ? [] : [`decoder of the run: ${decoder}`]),
    `${decisions.length} ${decisions.length === 1 ? 'step' : 'steps'}${of}, ${differing} ${differing === 1 ? 'differs' : 'differ'} from greedy${reward === null ? '' : `; reward ${number(reward)}`}`,
    '',
  ]
}

/** Formats the steps as JSON. */
export function whyJson(why: Why): string {
  const { id, sample, prompt, completion, reward, finishReason } = why.reply
  const steps = why.decisions.map(({ position, tokenId, candidates, chosen, greedy, best, differs }) => ({
    ...{ position, token_id: tokenId, token: textOf(why, position, tokenId), differs },
    greedy_token_id: candidates[greedy]?.tokenId ?? null,
    candidates: candidates.map((candidate, index) => ({
      token_id: candidate.tokenId,
      token: textOf(why, position, candidate.tokenId),
      ...{ logit: candidate.logit, rewards: candidate.rewards, score: candidate.score },
      ...{ chosen: index === chosen, greedy: index === greedy, best: index === best },
    })),
  }))
  return JSON.stringify({ id, sample, prompt, completion, reward, finish_reason: finishReason, steps }, null, 1)
}
