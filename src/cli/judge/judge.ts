import { Command } from 'commander'
import { wordsNotice } from '../../../pipelines/evaluation/comparable.js'
import { type Judged, judge, judgeByReward } from '../../../pipelines/evaluation/judge.js'
import { answerSchema } from '../../../pipelines/evaluation/judgeAnswer.js'
import { judgeCeiling } from '../../../pipelines/evaluation/judgeCeiling.js'
import { rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import { type ReplyPair, sharedPrompts } from '../../../pipelines/evaluation/sharedPrompts.js'
import { judgeFigures } from '../../eval/judgeFigures.js'
import { answersFile } from '../../io/answersFile.js'
import { readReplies } from '../../io/readReplies.js'
import { strayFiles } from '../../io/strayFiles.js'
import type { DeviceChoice } from '../../models/device.js'
import { loadReward } from '../../models/loadReward.js'
import { modelName } from '../../models/modelFolder.js'
import { chatCompletions } from '../../models/remote/chatCompletions.js'
import { engineOf, localRewards } from '../flags/engineFlags.js'
import { startProgress } from '../print/progress.js'
import { folderName } from '../run/folderName.js'
import { RunFailed } from '../run/writeOutput.js'
import { type Terminal, writeLine } from '../terminal.js'
import { type ChatSettings, type JudgeFlags, type JudgeModel, judgeFlags, judgeSettings, KEY } from './flags.js'
import { judgeJson, judgeTable } from './table.js'

/** `rxargs judge` lets a chat model or a reward model decide which of two runs replies better. */
export const judgeCommand = (terminal: Terminal): Command =>
  judgeFlags(new Command('judge'))
    .description(
      'find which of two runs replies better: a judge scores both replies to each prompt from 1 to 10, in random order',
    )
    .action((a: string, b: string, flags: JudgeFlags) => run([a, b], flags, terminal))

async function run([a, b]: readonly [string, string], flags: JudgeFlags, { stdout, stderr, signal }: Terminal): Promise<void> {
  const settings = judgeSettings(flags)
  const runOf = (path: string) => ({ name: folderName(path), replies: () => readReplies(path, { texts: true }) })
  const { pairs, shared } = await sharedPrompts(runOf(a), runOf(b), { count: flags.prompts, seed: flags.seed })
  const progress = startProgress({ stream: stderr })
  for (const path of [a, b]) for (const notice of await strayFiles(path)) progress.say(notice)
  try {
    if (shared < flags.prompts) progress.say(`The runs share ${shared} answered prompts, fewer than --prompts ${flags.prompts}`)
    const worded = pairs.filter((pair) => pair.worded).length
    if (worded > 0)
      progress.say(`${wordsNotice(worded, folderName(b), folderName(a))}: the judge reads those of ${folderName(a)}`)
    progress.expect(pairs.length)
    const judged =
      'rm' in settings
        ? await byReward(settings.rm, pairs, flags.device, progress.say)
        : await byChat(pairs, settings.chat, progress.skip, signal)
    progress.end()
    if (judged.failed > 0) {
      const last = judged.failure === undefined ? '' : `; the last: ${judged.failure}`
      progress.say(`${judged.failed} of ${pairs.length} pairs have no usable answer and are left out${last}`)
    }
    if (judged.ceiling !== undefined)
      progress.say(`Stopped at the limit of ${judged.ceiling}: ${judged.left} of ${pairs.length} pairs are not judged`)
    if (judged.judgements.length === 0) throw new RunFailed('No pair of replies was judged')
    const table = { a: folderName(a), b: folderName(b), judge: settings.judge, ...judged, ...judgeFigures(judged.judgements) }
    for (const line of flags.json ? [judgeJson(table)] : judgeTable(table)) await writeLine(stdout, line, signal)
  } finally {
    progress.end()
  }
}

async function byReward(
  { path, label, endToken }: JudgeModel,
  pairs: readonly ReplyPair[],
  device: DeviceChoice | undefined,
  say: (notice: string) => void,
): Promise<Judged> {
  const reward = { path, name: modelName(path), ...(label !== undefined && { label }) }
  const { source, notices, close } = await loadReward(
    reward,
    await engineOf({ device: device ?? 'cpu', dtype: 'fp32', cache: false }, say, localRewards([reward])),
  )
  for (const notice of notices) say(notice)
  try {
    return await judgeByReward(pairs, rewardMeasure(source, { endToken }))
  } finally {
    await close()
  }
}

type ChatJudged = Judged & Readonly<{ calls: number; tokens: number }>

async function byChat(
  pairs: readonly ReplyPair[],
  { url, model, output, seed, concurrency, timeout, retries, backoff, maxCalls, maxTokensTotal }: ChatSettings,
  onAnswer: () => void,
  signal: AbortSignal,
): Promise<ChatJudged> {
  const key = process.env[KEY]
  const chat = { url, model, retries, timeoutMs: timeout * 1000, backoffMs: backoff * 1000, ...(key && { key }) }
  const ask = chatCompletions(chat)
  const file = await answersFile(output, answerSchema)
  try {
    const sum = (of: 'calls' | 'tokens') => file.known.reduce((total, answer) => total + answer[of], 0)
    const ceiling = judgeCeiling({ maxCalls, maxTokensTotal, calls: sum('calls'), tokens: sum('tokens') })
    const judged = await judge(pairs, {
      ...{ ask, seed, concurrency, retries, ceiling, signal, known: file.known },
      judge: `${model} at ${url}`,
      needsUsage: maxTokensTotal !== undefined,
      keep: async (answer) => {
        await file.add(answer)
        onAnswer()
      },
    })
    return { ...judged, ...ceiling.spent }
  } finally {
    await file.close()
  }
}
