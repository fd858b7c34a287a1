import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { OptionError } from '../../core/errors.js'
import { chooseDevice, type DeviceChoice, deviceChoices } from '../../models/device.js'
import { type GpuModel, gpuNeeds, localModels } from '../../models/gpuNeeds.js'
import { type WeightDtype, weightDtypes } from '../../models/graph/quantize.js'
import { FP16_NOTICE, WARM_UP_NOTICE } from '../../models/loadModels.js'
import type { RewardOptions } from '../../models/loadReward.js'
import { oneOf, type RewardPath } from './flags.js'

/** Flags that choose how models run. */
export type EngineFlags = Readonly<{ device: DeviceChoice; dtype: WeightDtype; cache: boolean }>

/** Help of `--dtype`. */
export const DTYPE_HELP =
  'precision of the weights: fp32, fp16 (a CPU computes it as fp32), q8 or q4; for a folder of ONNX graphs, which graph to use'

const MAX_BATCH = 64

/** Adds the flags that choose how models run. */
export const engineFlags = (command: Command): Command =>
  command
    .option(
      '--device <name>',
      'device for the models: cpu, webgpu (a GPU), or auto (a GPU if it is a real one and large enough)',
      deviceOf,
      'cpu',
    )
    .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
    .option('--no-cache', 'hash model files and round weights to q8 or q4 anew instead of keeping both in ~/.cache/rxargs')

function deviceOf(text: string): DeviceChoice {
  if (['gpu', 'cuda', 'vulkan', 'metal'].includes(text))
    throw new OptionError(`Expected \`--device\` to be one of ${deviceChoices.join(', ')}, got \`${text}\` (\`webgpu\` is a GPU)`)
  return oneOf('device', deviceChoices)(text)
}

/** The rewards that run here, and not on a server. */
export const localRewards = (rewards: readonly RewardPath[]): GpuModel[] =>
  localModels(
    undefined,
    {},
    rewards.filter(({ url }) => url === undefined),
  )

/**
 * Chooses the device for `models`, which are loaded one by one, on all cores.
 *
 * @throws OptionError as `chooseDevice`
 */
export async function engineOf(
  { device, dtype, cache }: EngineFlags,
  say: (notice: string) => void,
  models: readonly GpuModel[],
): Promise<RewardOptions & Readonly<{ dtype: WeightDtype; device: NonNullable<RewardOptions['device']> }>> {
  const { warmUp, ...chosen } = await chooseDevice(device, dtype, { needs: () => gpuNeeds(models, dtype), onNotice: say })
  if (dtype === 'fp16' && chosen.device === 'cpu') say(FP16_NOTICE)
  if (warmUp) say(WARM_UP_NOTICE)
  return { ...chosen, dtype, cache, threads: availableParallelism(), maxBatch: MAX_BATCH, ...(warmUp && { warmUp: MAX_BATCH }) }
}
