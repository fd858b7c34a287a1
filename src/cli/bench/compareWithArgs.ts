import { type Recording, unionMs } from './figures.js'

/** Compares a decoder with args on the same prompts at the same concurrency. */
export type ArgsComparison = Readonly<{
  /** Share of tokens equal to those of args, up to and including the first difference of each completion. */
  same_tokens: number
  completions: number
  same_completions: number
  /** Time per token in runs of the reward models, relative to args. */
  reward_time: number
}>

/** Compares two recordings of the same prompts. */
export function compareWithArgs(recording: Recording, args: Recording): ArgsComparison {
  const chosen = new Map(args.rows.map(({ id, tokenIds }) => [id, tokenIds]))
  let same = 0
  let decoded = 0
  let completions = 0
  for (const { id, tokenIds } of recording.rows) {
    const expected = chosen.get(id) ?? []
    const differs = tokenIds.findIndex((tokenId, index) => tokenId !== expected[index])
    const agreed = differs === -1 ? tokenIds.length : differs
    same += agreed
    decoded += agreed + (differs === -1 ? 0 : 1)
    if (differs === -1 && tokenIds.length === expected.length) completions += 1
  }
  return {
    same_tokens: decoded === 0 ? 1 : same / decoded,
    completions: recording.rows.length,
    same_completions: completions,
    reward_time: rewardMs(recording) / recording.completionTokens / (rewardMs(args) / args.completionTokens),
  }
}

function rewardMs({ runs }: Recording): number {
  const rewards = Object.entries(runs).filter(([model]) => model !== 'lm')
  return unionMs(rewards.flatMap(([, each]) => each))
}
