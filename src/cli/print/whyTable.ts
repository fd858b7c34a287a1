import type { TextCodec } from '../../core/model.js'
import type { RunMeta, TracedReply } from '../../core/run.js'
import type { DecoderSpec } from '../../core/step.js'
import { tokenText } from '../../core/text/decodedText.js'
import type { Candidate, Decision } from '../../eval/decisions.js'
import { inOneLine } from './fit.js'
import { formatTable } from './formatTable.js'

const DIGITS = 3

/** What a reply was decoded from: its row, its decisions, and its tokenizer where there is one. */
export type Why = Readonly<{
  reply: TracedReply
  decisions: readonly Decision[]
  codec: TextCodec | undefined
  /** The run's decoder, in words; a row may have set its own. */
  decoder: string | undefined
}>

const number = (value: number | null | undefined): string => (value === null || value === undefined ? '' : value.toFixed(DIGITS))

/** The text of a candidate, behind the tokens before it. */
export const textOf = ({ reply, codec }: Pick<Why, 'reply' | 'codec'>, position: number, tokenId: number): string | null =>
  codec === undefined
    ? null
    : tokenText(codec, [...(reply.promptTokenIds ?? []), ...(reply.tokenIds ?? []).slice(0, position)], tokenId)

/** A text in quotes, in which nothing steers the terminal. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\p{Control}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** The rewards' names, in their order. */
const rewardsOf = (decisions: readonly Decision[]): string[] => [
  ...new Set(decisions.flatMap(({ candidates }) => candidates.flatMap(({ rewards }) => Object.keys(rewards)))),
]

const named = (why: Why, position: number, tokenId: number): string => {
  const text = textOf(why, position, tokenId)
  return text === null ? String(tokenId) : `${quoted(text)} (${tokenId})`
}

const numbers = (candidate: Candidate | undefined, rewards: readonly string[]): string[] => [
  number(candidate?.logit),
  ...rewards.map((name) => number(candidate?.rewards[name])),
  number(candidate?.score),
]

/** One line a step; below each choice that greedy decoding would not have made, the token that it would have taken. */
export function overview(why: Why): string[] {
  const { decisions } = why
  const rewards = rewardsOf(decisions)
  const last = String(decisions.at(-1)?.position ?? 0).length
  const rows = decisions.flatMap(({ position, tokenId, candidates, chosen, greedy, differs }) => {
    const step = `${String(position).padStart(last)}  ${named(why, position, tokenId)}`
    const instead = candidates[greedy]
    return [
      [step, ...numbers(candidates[chosen], rewards)],
      ...(differs && instead
        ? [[`${' '.repeat(last)}  ≠ greedy ${named(why, position, instead.tokenId)}`, ...numbers(instead, rewards)]]
        : []),
    ]
  })
  return formatTable([['step, token', 'logit', ...rewards, 'score'], ...rows], 'text')
}

/** All candidates of each step. */
export const inFull = (why: Why): string[] => why.decisions.flatMap((decision) => [...stepLines(why, decision), ''])

function stepLines(why: Why, { position, tokenId, candidates, chosen, greedy, best, differs }: Decision): string[] {
  const rewards = [...new Set(candidates.flatMap(({ rewards: own }) => Object.keys(own)))]
  const name = (index: number): string => named(why, position, candidates[index]!.tokenId)
  const reason =
    chosen < 0
      ? 'none of the candidates'
      : best < 0 || chosen === best
        ? 'the highest score'
        : `not the highest score, which ${name(best)} has`
  const rows = candidates.map((candidate, index) => {
    const marks = [index === chosen ? '→' : ' ', index === greedy && differs ? '≠' : ' ']
    return [`${marks.join('')} ${name(index)}`, ...numbers(candidate, rewards)]
  })
  return [
    `step ${position}: ${named(why, position, tokenId)}, ${reason}${differs ? `; greedy would have taken ${name(greedy)}` : ''}`,
    ...formatTable([['→ chosen, ≠ greedy', 'logit', ...rewards, 'score'], ...rows], 'text'),
  ]
}

/** The decoder that a run says it had, as its steps with their options. */
export function decoderText(meta: RunMeta | undefined): string | undefined {
  const decoder = meta?.spec.decoder as DecoderSpec | undefined
  const steps = decoder?.steps.map((step) => {
    const [name, options] = Object.entries(step)[0]!
    const given = Object.entries(options ?? {}).map(([option, value]) => `${option} ${JSON.stringify(value)}`)
    return given.length > 0 ? `${name} (${given.join(', ')})` : name
  })
  return steps?.join(', ')
}

/** What has to be said of a run whose candidates are fewer than those that greedy decoding chooses from; undefined of any other. */
export function prunedNotice({ spec }: RunMeta): string | undefined {
  const decoder = spec.decoder as DecoderSpec | undefined
  return decoder?.steps.some((step) => 'batchRewardPruned' in step)
    ? 'candidates that could not win were dropped before they were written: greedy is the likeliest of the others'
    : undefined
}

/** Whose steps these are. */
export function heading({ reply, decisions, decoder }: Why): string[] {
  const { id, sample, prompt, completion, reward, tokenIds } = reply
  const differing = decisions.filter(({ differs }) => differs).length
  const of = decisions.length === tokenIds?.length ? '' : ` shown of ${tokenIds?.length ?? 0}`
  return [
    `${inOneLine(id)}, sample ${sample}: ${inOneLine(prompt ?? '')}`,
    `reply: ${inOneLine(completion ?? '')}`,
    ...(decoder === undefined ? [] : [`decoder of the run: ${decoder}`]),
    `${decisions.length} ${decisions.length === 1 ? 'step' : 'steps'}${of}, ${differing} of them other than greedy${reward === null ? '' : `; reward ${number(reward)}`}`,
    '',
  ]
}

/** The same for machines. */
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
