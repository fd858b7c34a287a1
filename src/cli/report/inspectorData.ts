import type { TextCodec } from '../../core/model.js'
import type { RowKey, TracedReply } from '../../core/run.js'
import { tokenText } from '../../core/text/decodedText.js'
import { decisions } from '../../eval/decisions.js'
import { readTraces } from '../../io/readTraces.js'
import { prunedNotice } from '../print/whyTable.js'
import { runCodec } from '../run/runCodec.js'

/** A candidate: text (index into `texts`, or null), id, logit, score, and rewards in the order of the reply's `rewards`. */
type Cell = readonly [text: number | null, id: number, logit: number | null, score: number | null, ...(number | null)[]]
type Step = Readonly<{
  text: number | null
  id: number
  chosen: number
  greedy: number
  differs: boolean
  candidates: readonly Cell[]
}>
type Inspected = Readonly<{
  run: number
  completion: string
  reward: number | null
  rewards: readonly string[]
  /** Null for a run without a trace. */
  steps: readonly Step[] | null
}>

/** Data of the page's inspector. `texts` holds each token text once. */
export type InspectorData = Readonly<{
  runs: readonly string[]
  texts: readonly string[]
  rows: readonly Readonly<{ id: string; sample: number; prompt: string; replies: readonly Inspected[] }>[]
}>

export type InspectedRun = Readonly<{ name: string; path: string; keys: readonly RowKey[] }>

const DIGITS = 4
const round = (value: number | null): number | null => (value === null ? null : Number(value.toFixed(DIGITS)))
const keyOf = ({ id, sample }: RowKey): string => JSON.stringify([id, sample])

/** Reads the drawn rows of each run, with the candidates of their steps. Reports to `onNotice` what the page cannot show. */
export async function readInspectorData(
  runs: readonly InspectedRun[],
  onNotice: (notice: string) => void,
): Promise<InspectorData> {
  const texts = new Map<string, number>()
  const rows = new Map<string, { id: string; sample: number; prompt: string; replies: Inspected[] }>()
  for (const [run, { name, path, keys }] of runs.entries()) {
    const drawn = new Set(keys.map(keyOf))
    let codec: TextCodec | undefined
    let [isFirst, isTraced] = [true, true]
    for await (const { reply, meta } of readTraces(path, (key) => drawn.has(keyOf(key)))) {
      if (isFirst && reply.trace) {
        const found = await runCodec(meta, reply)
        codec = found.codec
        const pruned = prunedNotice(meta)
        if (pruned !== undefined) onNotice(`${name}: ${pruned}`)
        if (!found.codec) onNotice(`${name}: tokens are shown by their ids: ${found.reason}`)
        isFirst = false
      }
      isTraced &&= reply.trace !== null
      const key = keyOf(reply)
      if (!rows.has(key)) rows.set(key, { id: reply.id, sample: reply.sample, prompt: reply.prompt ?? '', replies: [] })
      rows.get(key)!.replies.push({ run, ...inspectedReply(reply, codec, texts) })
    }
    if (!isTraced) onNotice(`${name} was decoded without --trace, so its replies have no candidates`)
  }
  return { runs: runs.map(({ name }) => name), texts: [...texts.keys()], rows: [...rows.values()] }
}

function inspectedReply(reply: TracedReply, codec: TextCodec | undefined, texts: Map<string, number>): Omit<Inspected, 'run'> {
  const { completion, reward, trace, promptTokenIds, tokenIds } = reply
  const rewards = [...new Set((trace ?? []).flatMap((step) => Object.keys(step.rewards)))]
  const ids = [...(promptTokenIds ?? []), ...(tokenIds ?? [])]
  const textAt = (position: number, tokenId: number): number | null => {
    if (!codec) return null
    const text = tokenText(codec, ids.slice(0, (promptTokenIds?.length ?? 0) + position), tokenId)
    if (!texts.has(text)) texts.set(text, texts.size)
    return texts.get(text)!
  }
  const steps = decisions(reply).map(
    ({ position, tokenId, chosen, greedy, differs, candidates }): Step => ({
      ...{ text: textAt(position, tokenId), id: tokenId, chosen, greedy, differs },
      candidates: candidates.map(({ tokenId: id, logit, score, rewards: own }) => [
        ...([textAt(position, id), id, round(logit), round(score)] as const),
        ...rewards.map((name) => round(own[name] ?? null)),
      ]),
    }),
  )
  return { completion: completion ?? '', reward: round(reward), rewards, steps: trace && steps }
}
