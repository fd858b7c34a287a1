import { countRows } from '../../io/countRows.js'
import { listParts } from '../../io/parquet/partFiles.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import type { GpuNeeds } from '../../models/adapters/decideDevice.js'
import { type DeviceChoice, decide } from '../../models/device.js'
import { checkEngine, gpuNeeds } from '../../models/gpuNeeds.js'
import type { Device } from '../../models/graph/builder.js'
import type { WeightDtype } from '../../models/graph/quantize.js'
import { mostPositions } from '../../models/runtime/device/DeviceSlab.js'
import type { GenerateFlags } from '../flags/generateFlags.js'
import { describeLm } from '../flags/lmFlag.js'
import { localOf } from '../flags/modelFlags.js'
import { batchBytes, bytes, count, describeModel, PROGRAM_BYTES } from '../print/describeModel.js'
import { describeInput } from '../run/inputOf.js'
import { type Terminal, writeLine } from '../terminal.js'

/** Where the models would run, with a line about it. The run may be meant for another machine, so a GPU that cannot be used here is no error. */
async function placeOf(
  choice: DeviceChoice,
  dtype: WeightDtype,
  needs: () => Promise<GpuNeeds | undefined>,
): Promise<Readonly<{ device: Device; line?: string }>> {
  if (choice === 'cpu') return { device: 'cpu' }
  const decision = await decide(choice, dtype, needs)
  if ('problem' in decision)
    return { device: 'webgpu', line: `webgpu, which cannot be used on this machine: ${decision.problem}` }
  return { device: decision.device, line: decision.why }
}

/** Prints what `generate` would do with these flags, and how much memory it would need. Loads no weights and writes nothing. */
export async function dryRun(input: string, flags: GenerateFlags, about: string, { stdout, signal }: Terminal): Promise<void> {
  const { settings, limit, shard, output, lm, rewards } = flags
  const { dtype, device } = flags.engine
  const rows = await countRows(input, { needs: [promptColumns(flags)] })
  const prompts = rows === undefined ? limit : Math.min(rows, limit ?? rows)
  const local = localOf(flags)
  checkEngine(local, flags.engine)
  const chosen = await placeOf(device, dtype, () => gpuNeeds(local, dtype))
  const onGpu = chosen.device === 'webgpu'
  const models = await Promise.all(
    local.map(async ({ role, ...model }) => {
      const { config, size, notices } = await describeModel(model.path, { role, dtype, device: chosen.device, ...model })
      const tokens = Math.min(
        config.contextLength,
        (settings.maxPromptTokens ?? Number.POSITIVE_INFINITY) + settings.maxNewTokens,
      )
      return {
        role,
        path: model.path,
        config,
        size,
        notices,
        tokens,
        cacheBytes: size.cacheBytes * (onGpu ? mostPositions(settings.concurrency, tokens) : tokens * settings.concurrency),
        batchBytes: batchBytes(size, settings.concurrency),
      }
    }),
  )
  const weights = models.reduce((sum, { size }) => sum + size.weightBytes, 0)
  const cache = models.reduce((sum, { cacheBytes }) => sum + cacheBytes, 0)
  const loading = models.reduce((sum, { size }) => sum + size.loadBytes, 0)
  const batch = models.reduce((sum, model) => sum + model.batchBytes, 0)
  const positions = models.reduce((sum, { size, tokens }) => sum + size.positionBytes(tokens), 0)
  const many = prompts === undefined ? 'unknown number of prompts' : `${prompts} prompts, ${prompts * settings.samples} rows`
  const memory = [
    ['weights', `${bytes(weights)} in ${dtype === 'fp16' && !onGpu ? 'fp32' : dtype}`],
    [
      'cache',
      `at most ${bytes(cache)}: ${settings.concurrency} sequences of up to ${Math.max(...models.map(({ tokens }) => tokens))} tokens${onGpu ? ', in whole rows of 256 positions, 512 and so on' : ''}`,
    ],
    ...(positions > 0 ? [['positions', `at most ${bytes(positions)} of tables, which grow with the sequences`]] : []),
    [
      'memory',
      `about ${bytes(weights + loading + cache + positions + batch + PROGRAM_BYTES)} at most: weights${loading > 0 ? ` and ${bytes(loading)} more while they load` : ''}, cache${positions > 0 ? ', positions' : ''}, ${bytes(batch)} for a batch, ${bytes(PROGRAM_BYTES)} for the program`,
    ],
  ]
  const lines = [
    ['input', `${describeInput(input)}: ${many}${shard ? `, of which this is shard ${shard.index} of ${shard.count}` : ''}`],
    ['decoder', `${about}, at most ${settings.maxNewTokens} new tokens, seed ${settings.seed}`],
    ...(typeof lm === 'string' ? [] : [['lm', `${describeLm(lm)}: a server, its tokenizer in ${lm.tokenizer}`]]),
    ...models.map(({ role, path, config, size }) => [
      role.split(' ')[0]!,
      `${path}: ${config.family}, ${size.parameters === undefined ? '' : `${count(size.parameters)} parameters, `}${size.dtypes.join(', ')}, context ${config.contextLength}`,
    ]),
    ...(chosen.line === undefined ? [] : [['device', chosen.line]]),
    ...rewards.filter(({ kind }) => kind !== 'model').map(({ kind, path }) => ['reward', `${path}: a ${kind}`]),
    ...(models.length === 0 ? [['memory', 'no local models']] : memory),
    ...models.flatMap(({ notices }) => notices.map((notice) => ['notice', notice])),
    ['output', output === undefined ? 'JSONL on stdout' : `${output}: ${(await listParts(output)).length} part files now`],
  ]
  for (const [name, value] of lines) await writeLine(stdout, `${name!.padEnd(10)}${value}`, signal)
}
