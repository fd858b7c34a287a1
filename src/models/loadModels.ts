import { availableParallelism } from 'node:os'
import * as z from 'zod'
import { OptionError } from '../core/errors.js'
import { aFunction, parseOptions } from '../core/parseOptions.js'
import type { EnsembleReward, RewardSource, Source, TextReward } from '../core/rewardSource.js'
import type { Models } from '../core/run.js'
import { batchedLanguageModel } from './batchedModels.js'
import { chooseDevice, type DeviceChoice, decisiveOf, deviceChoices } from './device.js'
import { checkEngine, gpuNeeds, localModels } from './gpuNeeds.js'
import { type WeightDtype, weightDtypes } from './graph/quantize.js'
import { hashModel } from './hashModel.js'
import { loadModel } from './loadModel.js'
import { type LoadedReward, loadReward, type RewardFolder } from './loadReward.js'
import { modelName } from './modelFolder.js'
import { recordedPath } from './recordedPath.js'
import { type RemoteLanguageModel, type RemoteLm, remoteLanguageModel } from './remote/remoteLanguageModel.js'
import type { RemoteWorld } from './remote/remoteOptions.js'
import { type RemoteReward, remoteReward } from './remote/remoteReward.js'
import type { ServerRequest, SessionRun, Trip } from './runtime/watch.js'
import type { CacheOption } from './weightCache.js'

const atLeastOne = z.int().min(1)
const aModel = (value: unknown): boolean =>
  typeof value === 'string' ? value !== '' : typeof value === 'object' && value !== null && 'url' in value
const aReward = (value: unknown): boolean =>
  aModel(value) || (typeof value === 'object' && value !== null && ['path', 'scoreTexts', 'members'].some((key) => key in value))
const loadOptions = z.strictObject({
  lm: z.custom<LoadOptions['lm']>(aModel).describe('the path of a model, ORG/NAME, or a server with its `url`'),
  lms: z.record(z.string().min(1), z.string().min(1)).default({}).describe('paths of models by name'),
  reward: z
    .custom<NonNullable<LoadOptions['reward']>>((value) => (Array.isArray(value) ? value.every(aReward) : aReward(value)))
    .optional()
    .describe('a reward or a list of rewards: each a path, an object with `path` or `url`, or a reward that is a function'),
  onRun: aFunction.optional(),
  onTrip: aFunction.optional(),
  onRequest: aFunction.optional(),
  onNotice: aFunction.optional(),
  dtype: z
    .enum(weightDtypes)
    .default('fp32')
    .describe(`one of ${weightDtypes.join(', ')}`),
  device: z
    .enum(deviceChoices)
    .default('cpu')
    .describe(`one of ${deviceChoices.join(', ')}`),
  cache: z.boolean().default(true).describe('true or false'),
  threads: atLeastOne.default(availableParallelism()).describe('an integer >= 1'),
  maxBatch: atLeastOne.default(64).describe('an integer >= 1'),
})

export const WARM_UP_NOTICE = 'Warming up the GPU: its shaders are compiled once for each shape'
export const FP16_NOTICE = 'On a CPU, fp16 weights are computed in fp32: no faster than fp32'

/**
 * A reward: a model's folder or exported graph, optionally with a name, the address of a server, a function of text, or an ensemble of other rewards.
 * `label` chooses one of a classifier's labels, by name or index. A model with a tokenizer of its own reads `endToken` after a reply that ended by a token.
 */
export type RewardOption =
  | string
  | Readonly<{ name?: string; path: string; label?: string; endToken?: string }>
  | RemoteReward
  | TextReward
  | EnsembleReward

export type LoadOptions = Readonly<{
  /**
   * Folder of the language model, a ready `*.onnx` file in it, ORG/NAME[@REVISION] that `rxargs pull` has fetched, or a model behind HTTP.
   * Rewards take the same paths.
   */
  lm: string | RemoteLm
  /** Folders of further language models by name, for decoders that combine several. They need the same tokenizer. */
  lms?: Readonly<Record<string, string>> | undefined
  /**
   * One reward or several with different names. The decoders of this package steer by the first unless `weight` names others; your own decoders see
   * all. Decoders that need no reward work without one.
   */
  reward?: RewardOption | readonly RewardOption[] | undefined
  /**
   * Type of the weights: `fp32` (default), `fp16` (embeddings and MLPs on a GPU; on a CPU the same as fp32), or linear layers rounded to 8 or 4 bits in
   * blocks of 32. In a folder of exported ONNX graphs it chooses the graph.
   */
  dtype?: WeightDtype | undefined
  /** Where models run: on the `cpu` (default), on a GPU through `webgpu`, or with `auto` on a GPU that is real and large enough. */
  device?: DeviceChoice | undefined
  /**
   * Whether rounded weights and the hashes of large model files are kept in `rxargs` of `XDG_CACHE_HOME` or `~/.cache` (default), so that the next
   * start need not compute them.
   */
  cache?: boolean | undefined
  /** Threads per model (default: all cores). The models take turns. */
  threads?: number | undefined
  /** Most sequences of a batched call. */
  maxBatch?: number | undefined
  /** Called soon after every run of a model's session, with `lm` or the name of the reward. For measurements. */
  onRun?: ((model: string, run: SessionRun) => void) | undefined
  /** Called after every batch's trip to a model's worker and back. For measurements. */
  onTrip?: ((model: string, trip: Trip) => void) | undefined
  /** Called after every answered request to the server of `lm` or of the reward of that name. For measurements. */
  onRequest?: ((model: string, request: ServerRequest) => void) | undefined
  /** Called with warnings that are no errors. */
  onNotice?: ((notice: string) => void) | undefined
}>

/**
 * Loads a language model and rewards, each model in its own worker thread.
 *
 * @throws ModelError if a folder is no model that can run; the message has the fault, the file and what was expected
 * @throws OptionError for an invalid option, two rewards of the same name, or a label that the model does not have, and as `checkEngine`
 * @throws RemoteError for an invalid address
 */
export async function loadModels(options: LoadOptions): Promise<Models> {
  const { lm, lms, reward, threads, maxBatch, dtype, cache, ...rest } = parseOptions(
    loadOptions,
    options === undefined ? {} : options,
    'loadModels',
  )
  const { onRun, onTrip, onRequest, onNotice } = options
  const requests = (name: string): RemoteWorld =>
    onRequest ? { onRequest: (request: ServerRequest) => onRequest(name, request) } : {}
  const rewards = rewardList(reward, requests)
  const duplicate = Object.keys(lms).find((name) => name === 'lm' || rewards.some((reward) => reward.name === name))
  if (duplicate !== undefined) throw new OptionError(`Expected a different name for each model, got \`${duplicate}\` twice`)
  const own = localModels(lm, lms, rewards)
  checkEngine(own, { device: rest.device, dtype, cache, threads: options.threads, maxBatch: options.maxBatch })
  const { device, warmUp, ...limits } = await chooseDevice(rest.device, dtype, {
    needs: () => gpuNeeds(own, dtype),
    ...(onNotice && { onNotice }),
  })
  const warming = warmUp && { warmUp: maxBatch }
  if (warming) onNotice?.(WARM_UP_NOTICE)
  if (dtype === 'fp16' && device === 'cpu') onNotice?.(FP16_NOTICE)
  const folders = Object.fromEntries(own.map(({ role, path }) => [role, path]))
  const sums = new Map(Object.entries(folders).map(([role, path]) => [role, hashModel(path, dtype, cache)]))
  const hashing = hashes(folders, sums, decisiveOf(dtype, device))
  // If hashing fails first, loading still reports what is wrong with the folder.
  for (const sum of [hashing, ...sums.values()]) sum.catch(() => undefined)
  const cacheOf = (role: string): CacheOption => ({ cache, ...(sums.has(role) && { hash: sums.get(role)! }) })
  const loads: Promise<Readonly<{ close: () => Promise<void> }>>[] = []
  const watch = (name: string) => ({
    ...(onRun && { onRun: (run: SessionRun) => onRun(name, run) }),
    ...(onTrip && { onTrip: (trip: Trip) => onTrip(name, trip) }),
  })
  const loadLm = async (path: string, name: string, role: string) => {
    const loaded = await loadModel(path, {
      head: 'lm',
      role,
      threads,
      dtype,
      device,
      ...limits,
      ...warming,
      ...cacheOf(role),
      ...watch(name),
    })
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
  try {
    const [main, further, loaded] = await Promise.all([
      kept<LoadedLm>(typeof lm === 'string' ? loadLm(lm, 'lm', 'lm') : remoteLanguageModel(lm, requests('lm'))),
      Promise.all(
        Object.entries(lms).map(async ([name, path]) => {
          const { source } = await kept(loadLm(path, name, `lm ${name}`))
          return [name, source] as const
        }),
      ),
      Promise.all(
        rewards.map(async (reward): Promise<Pick<LoadedReward, 'label' | 'endToken'> & { source: RewardSource }> => {
          if (!('path' in reward)) return { source: reward }
          const { name } = reward
          const running = {
            ...{ threads, dtype, device, maxBatch },
            ...limits,
            ...warming,
            ...cacheOf(`reward ${name}`),
            ...watch(name),
          }
          const one = await kept(loadReward(reward, running))
          for (const notice of [...one.notices, ...noticesOf(one.source)]) onNotice?.(notice)
          return one
        }),
      ),
    ])
    if (typeof lm !== 'string') for (const notice of main.source.codec.notices ?? []) onNotice?.(notice)
    const readings = Object.fromEntries(
      loaded.map(({ source: { name }, label, endToken }) => [
        `reward ${name}`,
        { ...(label !== undefined && { label }), ...(endToken !== undefined && { endToken }) },
      ]),
    )
    return {
      lm: main.source,
      lms: Object.fromEntries(further),
      rewards: loaded.map(({ source }) => source),
      hashes: { ...(main.origin && { lm: main.origin }), ...withReadings(await hashing, readings), ...hashesOfFiles(rewards) },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Notices about settings of a reward's tokenizer that rxargs does not apply. */
const noticesOf = (source: RewardSource): readonly string[] => ('codec' in source ? (source.codec.notices ?? []) : [])

/** Adds the labels and end tokens of rewards to hashes. */
const withReadings = (sums: Models['hashes'], readings: Readonly<Record<string, Partial<Source>>>): Models['hashes'] =>
  Object.fromEntries(Object.entries(sums).map(([role, sum]) => [role, { ...sum, ...readings[role] }]))

/** SHA-256 of each model's files by role, with what else decides its numbers. A function of text has no files. */
async function hashes(
  folders: Readonly<Record<string, string>>,
  sums: ReadonlyMap<string, Promise<string>>,
  decisive: Pick<Source, 'dtype' | 'device'>,
): Promise<Models['hashes']> {
  const hashed = Object.entries(folders).map(
    async ([role, path]) => [role, { path: await recordedPath(path), sha256: (await sums.get(role))!, ...decisive }] as const,
  )
  return Object.fromEntries(await Promise.all(hashed))
}

/** Origins of the functions that come from a file. */
const hashesOfFiles = (rewards: readonly OneReward[]): Models['hashes'] =>
  Object.fromEntries(rewards.flatMap((one) => ('source' in one && one.source ? [[`reward ${one.name}`, one.source]] : [])))

type LoadedLm = Omit<RemoteLanguageModel, 'origin'> & Partial<Pick<RemoteLanguageModel, 'origin'>>
type OneReward = RewardFolder | TextReward | EnsembleReward

function rewardList(reward: LoadOptions['reward'], requests: (name: string) => RemoteWorld): OneReward[] {
  const list = reward === undefined ? [] : Array.isArray(reward) ? (reward as readonly RewardOption[]) : [reward as RewardOption]
  const rewards = list.map((reward): OneReward => {
    if (typeof reward === 'string') return { name: modelName(reward), path: reward }
    if ('url' in reward) return remoteReward(reward, requests(reward.name))
    return 'path' in reward ? { ...reward, name: reward.name ?? modelName(reward.path) } : reward
  })
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new OptionError(`Expected a different name for each reward, got \`${twice}\` twice`)
  return rewards
}
