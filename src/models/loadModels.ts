import { availableParallelism } from 'node:os'
import * as z from 'zod'
import { OptionError } from '../core/errors.js'
import { parseOptions } from '../core/parseOptions.js'
import type { EnsembleReward, RewardSource, TextReward } from '../core/rewardSource.js'
import type { Models } from '../core/run.js'
import { batchedLanguageModel } from './batchedModels.js'
import { chosenDevice, type DeviceChoice, deviceChoices } from './device.js'
import { isQuantized, type WeightDtype, weightDtypes } from './graph/quantize.js'
import { hashModel } from './hashModel.js'
import { loadModel } from './loadModel.js'
import { type LoadedReward, loadReward, type RewardFolder } from './loadReward.js'
import { modelName } from './modelFolder.js'
import { recordedPath } from './recordedPath.js'
import { type RemoteLanguageModel, type RemoteLm, remoteLanguageModel } from './remote/remoteLanguageModel.js'
import { type RemoteReward, remoteReward } from './remote/remoteReward.js'
import type { SessionRun, Trip } from './runtime/watch.js'

const atLeastOne = z.int().min(1)
const aModel = (value: unknown): boolean =>
  typeof value === 'string' ? value !== '' : typeof value === 'object' && value !== null && 'url' in value
const aReward = (value: unknown): boolean =>
  aModel(value) || (typeof value === 'object' && value !== null && ['path', 'scoreTexts', 'members'].some((key) => key in value))
const aFunction = z
  .custom<unknown>((value) => typeof value === 'function')
  .optional()
  .describe('a function')

const loadOptions = z.strictObject({
  lm: z.custom<LoadOptions['lm']>(aModel).describe('the path of a model, ORG/NAME, or a server with its `url`'),
  lms: z.record(z.string().min(1), z.string().min(1)).default({}).describe('paths of models by name'),
  reward: z
    .custom<NonNullable<LoadOptions['reward']>>((value) => (Array.isArray(value) ? value.every(aReward) : aReward(value)))
    .optional()
    .describe('a reward or a list of rewards: each a path, an object with `path` or `url`, or a reward that is a function'),
  onRun: aFunction,
  onTrip: aFunction,
  onNotice: aFunction,
  dtype: z
    .enum(weightDtypes)
    .default('fp32')
    .describe(`one of ${weightDtypes.join(', ')}`),
  device: z
    .enum(deviceChoices)
    .default('cpu')
    .describe(`one of ${deviceChoices.join(', ')}`),
  threads: atLeastOne.default(availableParallelism()).describe('an integer >= 1'),
  maxBatch: atLeastOne.default(64).describe('an integer >= 1'),
})

export const FP16_NOTICE = 'Weights in fp16 are computed with in fp32 on a CPU: no faster than fp32'

/**
 * A reward: a model's folder or ready graph, with a name of its own if wished, the address of a server, a function of text, or an
 * ensemble of others. `label`: which one of a classifier's several labels is the reward, by name or index.
 */
export type RewardOption =
  | string
  | Readonly<{ name?: string; path: string; label?: string }>
  | RemoteReward
  | TextReward
  | EnsembleReward

export type LoadOptions = Readonly<{
  /**
   * Folder of the language model, a ready `*.onnx` file in it, or ORG/NAME[@REVISION] that `rxargs pull` has fetched; so for rewards. Or a
   * model behind HTTP.
   */
  lm: string | RemoteLm
  /** Folders of further language models by name, of the same tokenizer, for decoders that combine several. */
  lms?: Readonly<Record<string, string>>
  /**
   * One reward or several; names must differ. The decoders of this package steer by the first; decoders of one's own see all.
   * None: decoders that need none still work.
   */
  reward?: RewardOption | readonly RewardOption[]
  /**
   * What the weights of linear layers are computed with: `fp32` (default; `fp16` is the same on a CPU), or rounded to 8 or 4 bits in
   * blocks of 32. Of a folder of ready ONNX graphs: which one is taken.
   */
  dtype?: WeightDtype
  /** What models run on: `cpu` (default), a GPU through `webgpu`, or `auto`: a GPU where there is one. */
  device?: DeviceChoice
  /** Threads a model computes with; all cores unless given, the models take turns. */
  threads?: number
  /** Sequences in one batched call at most. */
  maxBatch?: number
  /** Told of every run of a model's session, soon after it: `lm`, or the reward of that name. For measuring. */
  onRun?: (model: string, run: SessionRun) => void
  /** Told of every batch's way to a model's worker and back, after its runs. For measuring. */
  onTrip?: (model: string, trip: Trip) => void
  /** Something worth a line that is no error. */
  onNotice?: (notice: string) => void
}>

/**
 * Loads a language model and rewards, each model in a worker thread of its own.
 *
 * @throws ModelError when a folder is not a model that can be run: what, where, and what was expected
 * @throws OptionError for an option that may not be, when two rewards have the same name, or a model has no such label
 * @throws RemoteError for an address that is none
 */
export async function loadModels(options: LoadOptions): Promise<Models> {
  const { lm, lms, reward, threads, maxBatch, dtype, ...asked } = parseOptions(loadOptions, options ?? {})
  const { onRun, onTrip, onNotice } = options
  const { device, ...chosen } = await chosenDevice(asked.device, dtype, onNotice)
  const warming = chosen.warmUp && { warmUp: maxBatch }
  if (warming) onNotice?.('Warming up the GPU: its shaders are compiled once for each shape')
  if (dtype === 'fp16') onNotice?.(FP16_NOTICE)
  const rewards = named(reward)
  const taken = Object.keys(lms).find((name) => name === 'lm' || rewards.some((reward) => reward.name === name))
  if (taken !== undefined) throw new OptionError(`Expected each model to have a name of its own, got \`${taken}\` twice`)
  const loads: Promise<Readonly<{ close: () => Promise<void> }>>[] = []
  const watch = (name: string) => ({
    ...(onRun && { onRun: (run: SessionRun) => onRun(name, run) }),
    ...(onTrip && { onTrip: (trip: Trip) => onTrip(name, trip) }),
  })
  const loadLm = async (path: string, name: string, role: string) => {
    const loaded = await loadModel(path, { head: 'lm', role, threads, dtype, device, ...warming, ...watch(name) })
    const { codec, generation } = loaded.checkpoint
    for (const notice of [...loaded.notices, ...(codec.notices ?? []), ...generation.notices]) onNotice?.(notice)
    return { source: batchedLanguageModel(loaded, maxBatch), close: () => loaded.worker.close() }
  }
  const kept = <T extends Readonly<{ close: () => Promise<void> }>>(load: Promise<T>): Promise<T> => {
    loads.push(load)
    return load
  }
  const close = async () => {
    for (const result of await Promise.allSettled(loads)) if (result.status === 'fulfilled') await result.value.close()
  }
  const hashing = hashes(
    {
      ...(typeof lm === 'string' && { lm }),
      ...roles('lm', Object.entries(lms)),
      ...Object.fromEntries(rewards.flatMap((one) => ('path' in one ? [[`reward ${one.name}`, one.path]] : []))),
    },
    dtype,
  )
  // What is wrong with a folder is said by its loading, also where hashing comes upon it first.
  hashing.catch(() => undefined)
  try {
    const [main, further, loaded] = await Promise.all([
      kept<LoadedLm>(typeof lm === 'string' ? loadLm(lm, 'lm', 'lm') : remoteLanguageModel(lm)),
      Promise.all(
        Object.entries(lms).map(async ([name, path]) => {
          const { source } = await kept(loadLm(path, name, `lm ${name}`))
          return [name, source] as const
        }),
      ),
      Promise.all(
        rewards.map(async (reward): Promise<Pick<LoadedReward, 'label'> & { source: RewardSource }> => {
          if (!('path' in reward)) return { source: reward }
          const one = await kept(loadReward(reward, { threads, dtype, device, ...warming, maxBatch, ...watch(reward.name) }))
          for (const notice of [...one.notices, ...noticesOf(one.source)]) onNotice?.(notice)
          return one
        }),
      ),
    ])
    if (typeof lm !== 'string') for (const notice of main.source.codec.notices ?? []) onNotice?.(notice)
    const labels = Object.fromEntries(loaded.map(({ source, label }) => [`reward ${source.name}`, label]))
    return {
      lm: main.source,
      lms: Object.fromEntries(further),
      rewards: loaded.map(({ source }) => source),
      hashes: { ...(main.origin && { lm: main.origin }), ...labelled(await hashing, labels), ...hashesOfFiles(rewards) },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What is not applied of a reward's tokenizer. */
const noticesOf = (source: RewardSource): readonly string[] => ('codec' in source ? (source.codec.notices ?? []) : [])

const roles = (role: string, folders: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries(folders.map(([name, path]) => [`${role} ${name}`, path]))

/** Hashes with the labels that rewards are read by. */
const labelled = (sums: Models['hashes'], labels: Readonly<Record<string, string | undefined>>): Models['hashes'] =>
  Object.fromEntries(
    Object.entries(sums).map(([role, sum]) => [role, labels[role] === undefined ? sum : { ...sum, label: labels[role] }]),
  )

/** SHA-256 of each model's files by role; a function of text has no files. */
async function hashes(folders: Readonly<Record<string, string>>, dtype: WeightDtype): Promise<Models['hashes']> {
  const rounded = isQuantized(dtype) && { dtype }
  const hashed = Object.entries(folders).map(
    async ([role, path]) => [role, { path: await recordedPath(path), sha256: await hashModel(path, dtype), ...rounded }] as const,
  )
  return Object.fromEntries(await Promise.all(hashed))
}

/** Of rewards that are functions, those that were read from a file. */
const hashesOfFiles = (rewards: readonly OneReward[]): Models['hashes'] =>
  Object.fromEntries(rewards.flatMap((one) => ('source' in one && one.source ? [[`reward ${one.name}`, one.source]] : [])))

type LoadedLm = Omit<RemoteLanguageModel, 'origin'> & Partial<Pick<RemoteLanguageModel, 'origin'>>
type OneReward = RewardFolder | TextReward | EnsembleReward

function named(given: LoadOptions['reward']): OneReward[] {
  const list = given === undefined ? [] : Array.isArray(given) ? (given as readonly RewardOption[]) : [given as RewardOption]
  const rewards = list.map((reward): OneReward => {
    if (typeof reward === 'string') return { name: modelName(reward), path: reward }
    if ('url' in reward) return remoteReward(reward)
    return 'path' in reward ? { ...reward, name: reward.name ?? modelName(reward.path) } : reward
  })
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new OptionError(`Expected each reward to have a name of its own, got \`${twice}\` twice`)
  return rewards
}
