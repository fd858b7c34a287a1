import { join } from 'node:path'
import { type ReproducedRun, runName } from '../../../pipelines/evaluation/reproduction.js'
import { type SweepRow, sweep, sweepPoints } from '../../../pipelines/evaluation/sweep.js'
import type { Models } from '../../core/run.js'
import { readReplies } from '../../io/readReplies.js'
import { toParquet } from '../../io/toParquet.js'
import { loadModels } from '../../models/loadModels.js'
import { type ChosenDecoder, chooseDecoder } from '../flags/chooseDecoder.js'
import { settingsOf } from '../flags/generateFlags.js'
import { writeFigures } from '../print/sweepFigures.js'
import { generateRun } from '../run/generateRun.js'
import type { ReproduceFlags, Reproducing } from './settings.js'

/** Decoders whose time is measured: greedy first, then those compared with it. */
export const TIMED = ['greedy', 'contrastive', 'args', 'args-stochastic', 'best-of-n'] as const

export const runFolder = (output: string, run: ReproducedRun): string => join(output, 'runs', runName(run))
export const costFolder = (output: string, decoder: string): string => join(output, 'cost', decoder)

/** Makes all runs. Loads the models of each group once. The pair of chat-lm and chat-rm also makes the sweep and the timed runs. Gives the sweep. */
export async function makeRuns(groups: readonly (readonly ReproducedRun[])[], context: Reproducing): Promise<SweepRow[]> {
  const { folders, progress, terminal } = context
  let swept: SweepRow[] = []
  for (const group of groups) {
    terminal.signal.throwIfAborted()
    const { lm, reward } = group[0]!
    const models = await loadModels({
      lm: folders.get(lm)!,
      reward: { name: reward, path: folders.get(reward)! },
      onNotice: progress.say,
    })
    try {
      for (const run of group)
        await write(runFolder(context.flags.output, run), await chooseDecoder({ decoder: run.decoder }), models, context)
      if (lm === 'chat-lm' && reward === 'chat-rm') {
        await makeTimedRuns(models, context)
        swept = await makeFigure2(models, context)
      }
    } finally {
      await models.close()
    }
  }
  return swept
}

type Limits = Partial<Pick<ReproduceFlags, 'concurrency' | 'limit'>>

function runOf(chosen: ChosenDecoder, models: Models, { flags, progress, terminal }: Reproducing, limits: Limits = {}) {
  const { prompts, maxNewTokens, seed, concurrency, limit } = { ...flags, ...limits }
  const settings = settingsOf({
    ...{ template: 'auto', device: 'cpu', dtype: 'fp32', cache: true, samples: 1, maxNewTokens, seed, concurrency },
    ...(limit !== undefined && { limit }),
  })
  return generateRun(prompts, settings, chosen, models, progress, terminal)
}

async function write(
  folder: string,
  chosen: ChosenDecoder,
  models: Models,
  context: Reproducing,
  limits?: Limits,
): Promise<void> {
  const { progress, terminal } = context
  const { written, errors, skipped } = await toParquet(folder, runOf(chosen, models, context, limits), {
    signal: terminal.signal,
  })
  progress.say(`${folder}: ${written} rows written (${errors} error rows), ${skipped} from earlier runs`)
}

/** Decodes one prompt at a time, so that the duration of a row is the time of its decoder. */
async function makeTimedRuns(models: Models, context: Reproducing): Promise<void> {
  const { output, costPrompts, limit = costPrompts } = context.flags
  for (const decoder of TIMED) {
    const limits = { concurrency: 1, limit: Math.min(limit, costPrompts) }
    await write(costFolder(output, decoder), await chooseDecoder({ decoder }), models, context, limits)
  }
}

async function makeFigure2(models: Models, context: Reproducing): Promise<SweepRow[]> {
  const { flags, measures, progress, terminal } = context
  const folder = join(flags.output, 'sweep')
  const points = sweepPoints(flags.k, flags.weight)
  const chosen = new Map<string, ChosenDecoder>()
  for (const { name, k, weight } of points) chosen.set(name, await chooseDecoder({ k: String(k), weight: String(weight) }))
  const rows = await sweep(points, {
    runOf: ({ name }) => runOf(chosen.get(name)!, models, context),
    write: async ({ name }, run) => {
      const { written, skipped } = await toParquet(join(folder, name), run, { signal: terminal.signal })
      progress.say(`${join(folder, name)}: ${written} rows written, ${skipped} from earlier runs`)
    },
    repliesOf: ({ name }) => readReplies(join(folder, name), { texts: true }),
    measures,
    signal: terminal.signal,
  })
  await writeFigures(folder, rows)
  return rows
}
