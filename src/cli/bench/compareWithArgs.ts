import { type Recording, unionMs } from './figures.js'

/** A decoder beside args, with the same prompts at the same concurrency. */
export type ArgsComparison = Readonly<{
  /** Share of the tokens that args chose, too, of those decoded after the same tokens: up to the first difference of each completion. */
  same_tokens: number
  completions: number
  same_completions: number
  /** Time a token in the reward models' runs, over that of args. */
  reward_time: number
}>

/** Compares two recordings of the same prompts. */
export function compareWithArgs(recording: Recording, args: Recording): ArgsComparison {
  const chosen = new Map(args.rows.map(({ id, tokenIds }) => [id, tokenIds]))
  let same = 0
  let decoded = 0
  let completions = 0
  for (const { id, tokenIds } of recording.rows) {
    const wanted = chosen.get(id) ?? []
    const differs = tokenIds.findIndex((tokenId, index) => tokenId !== wanted[index])
    const agreed = differs === -1 ? tokenIds.length : differs
    same += agreed
    decoded += agreed + (differs === -1 ? 0 : 1)
    if (differs === -1 && tokenIds.length === wanted.length) completions += 1
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
