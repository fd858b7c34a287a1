import { availableParallelism } from 'node:os'
import type { ArgsOptions } from '../../../pipelines/decoders/args.js'
import { decoderByName, decoders } from '../../../pipelines/registry/registry.js'
import { InputError } from '../../core/errors.js'
import type { Prompt } from '../../core/prompt.js'
import { fromFile } from '../../io/fromFile.js'
import { checkInput } from '../../io/prompts/openInput.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import { isEncoder, loadEncoderCheckpoint } from '../../models/checkpoint/loadEncoderCheckpoint.js'
import { localModels } from '../../models/gpuNeeds.js'
import { encoderWork, type LinearWork, linearWork } from '../../models/linearWork.js'
import { readModel } from '../../models/loadModel.js'
import { loadModels } from '../../models/loadModels.js'
import { findOnnx } from '../../models/onnx/findOnnx.js'
import type { Peaks } from '../../models/peaks/peak.js'
import { bestPeaks, peaksOf } from '../../models/peaks/peaks.js'
import { READ_BYTES } from '../../models/peaks/readPeak.js'
import type { RemoteLm } from '../../models/remote/remoteLanguageModel.js'
import type { EngineFlags } from '../flags/engineFlags.js'
import type { RewardPath } from '../flags/flags.js'
import { takeFirst } from '../run/takePrompts.js'
import type { Terminal } from '../terminal.js'
import type { Baseline } from './baseline.js'
import { compare } from './compare.js'
import { compareWithArgs } from './compareWithArgs.js'
import { figuresOf, type Recording } from './figures.js'
import { record, runLog } from './recording.js'
import type { BenchSetting } from './report.js'

/** A pair of models and its settings: each decoder at each concurrency, on the same prompts. */
export type MeasuredPair = Readonly<{
  prompts: string
  lm: string | RemoteLm
  reward: RewardPath
  decoder: readonly string[]
  /** Options of decoders that use the reward. */
  options: ArgsOptions
  concurrency: readonly number[]
  maxNewTokens: number
  /** All cores if undefined. */
  threads?: number | undefined
  limit: number | undefined
}> &
  EngineFlags

/** Omits figures that need every setting. */
type Recorded = Readonly<{ setting: Omit<BenchSetting, 'peaks' | 'roofline_share'>; recording: Recording }>
type Said = Pick<Terminal, 'stderr' | 'stdin' | 'signal'>

/**
 * Loads a pair and measures every setting, each followed by the baseline if there is one. Measures the machine's peak speed before and after, if a
 * model runs here.
 */
export async function measure(
  pair: MeasuredPair,
  baseline: Baseline | undefined,
  { stderr, stdin, signal }: Said,
): Promise<BenchSetting[]> {
  await checkInput(pair.prompts, promptColumns({}))
  const prompts: Prompt[] = []
  for await (const prompt of takeFirst(fromFile(pair.prompts, { template: 'auto', stdin }), pair.limit)) prompts.push(prompt)
  if (prompts.length === 0) throw new InputError(`Expected prompts in ${pair.prompts}, got none`)
  const { lm, reward, device, dtype, cache, threads, maxNewTokens, options } = pair
  const { take, ...watch } = runLog()
  const work = await workOf(pair)
  // On all cores, because the threads of the models share them.
  const cores = availableParallelism()
  const isHere = localModels(lm, {}, [rewardOption(reward)]).length > 0
  const before = isHere ? [await peaksOf(cores)] : []
  const models = await loadModels({
    lm,
    reward: rewardOption(reward),
    ...{ device, dtype, cache },
    ...(threads !== undefined && { threads }),
    ...watch,
    onNotice: (notice) => stderr.write(`${notice}\n`),
  })
  const settings: Recorded[] = []
  try {
    for (const name of pair.decoder) {
      const decoder = decoderByName(name, decoders[name]?.needsReward ? options : {})
      const fixed = { maxNewTokens, seed: 0, signal }
      for (const concurrency of pair.concurrency) {
        // Warms up, so that memory is allocated as in the middle of a long run.
        await record(prompts.slice(0, concurrency), decoder, models, take, { ...fixed, concurrency })
        stderr.write(`${name}, ${concurrency} at once: ${prompts.length} prompts\n`)
        const recording = await record(prompts, decoder, models, take, { ...fixed, concurrency })
        const figures = figuresOf(recording, work)
        const setting = {
          decoder: name,
          concurrency,
          prompts: prompts.length,
          cost_over_greedy: null,
          beside_args: null,
          ...figures,
        }
        const pair = typeof lm === 'string' ? { lm, reward: reward.path } : undefined
        const task = pair && { ...pair, concurrency, maxNewTokens, decoder: name, models, options }
        const compared = baseline && task && (await compare(baseline, task, recording, figures.decode_tokens_per_second))
        settings.push({ setting: { ...setting, baseline: compared ?? null }, recording })
      }
    }
  } finally {
    await models.close()
  }
  const peaks = isHere ? bestPeaks([...before, await peaksOf(cores)]) : null
  return compareSettings(settings).map((setting, index) => ({
    ...setting,
    peaks,
    roofline_share: peaks && dtype === 'fp32' && device === 'cpu' ? rooflineShare(settings[index]!.recording, work, peaks) : null,
  }))
}

/** A server's address is in `url`, and `path` is only for messages. */
function rewardOption({ path, url, ...reward }: RewardPath) {
  return url === undefined ? { path, ...reward } : { url, ...reward }
}

/** Cost of a run, by model. It is unknown for an exported ONNX graph and a server. */
async function workOf({ lm, reward, dtype }: MeasuredPair): Promise<Record<string, LinearWork>> {
  const { name } = reward
  const ready = (path: string) => findOnnx(path, dtype)
  const scoring = async () =>
    (await isEncoder(reward.path))
      ? encoderWork((await loadEncoderCheckpoint(reward.path)).config)
      : linearWork((await readModel(reward.path, { ...reward, head: 'reward', role: `reward ${name}` })).config)
  return {
    ...(typeof lm === 'string' &&
      !(await ready(lm)) && { lm: linearWork((await readModel(lm, { head: 'lm', role: 'lm' })).config) }),
    ...(!('url' in reward) && !(await ready(reward.path)) && { [name]: await scoring() }),
  }
}

/** Compares each setting with greedy and args at the same concurrency, if they were measured. */
function compareSettings(all: readonly Recorded[]): Recorded['setting'][] {
  const perToken = ({ seconds, completion_tokens: tokens }: Recorded['setting']) => seconds / Math.max(1, tokens)
  return all.map(({ setting, recording }) => {
    const { decoder, concurrency } = setting
    const other = (name: string) =>
      all.find(({ setting: one }) => name !== decoder && one.decoder === name && one.concurrency === concurrency)
    const [plain, args] = [other('greedy'), decoders[decoder]?.needsReward ? other('args') : undefined]
    return {
      ...setting,
      ...(plain && { cost_over_greedy: perToken(setting) / perToken(plain.setting) }),
      ...(args && { beside_args: compareWithArgs(recording, args.recording) }),
    }
  })
}

/**
 * Lower bound for the linear layers, as a share of wall time. Each run takes at least the time of its operations at peak speed, and at least the
 * time to read its weights from memory. Weights that fit into the CPU's caches are not counted. Null if the cost of a model is unknown, or
 * nothing ran here.
 *
 * @see Williams, Waterman and Patterson (2009), "Roofline: an insightful visual performance model for multicore architectures"
 */
export function rooflineShare(
  { startedAt, endedAt, runs }: Pick<Recording, 'startedAt' | 'endedAt' | 'runs'>,
  work: Readonly<Record<string, LinearWork>>,
  { peak_gflops: gflops, peak_read_gb_s: gbs }: Peaks,
): number | null {
  if (Object.keys(runs).length === 0) return null
  let ms = 0
  for (const [model, each] of Object.entries(runs)) {
    const known = work[model]
    if (!known) return null
    const reading = known.bytes < READ_BYTES ? 0 : known.bytes / gbs
    for (const run of each) ms += Math.max(known.flops(run) / gflops, reading) / 1e6
  }
  return ms / (endedAt - startedAt)
}
