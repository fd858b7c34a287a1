import { once } from 'node:events'
import { Command } from 'commander'
import * as z from 'zod'
import { weightsOf } from '../../pipelines/decoding/perReward.js'
import { generateOptions } from '../../pipelines/run/generate.js'
import { OptionError } from '../core/errors.js'
import { loadModels } from '../models/loadModels.js'
import { modelName } from '../models/modelFolder.js'
import { type ChosenDecoder, chooseDecoder, type DecoderFlags } from './flags/chooseDecoder.js'
import { number, text } from './flags/flags.js'
import { describeLm } from './flags/lmFlag.js'
import { loadRewards } from './flags/loadRewards.js'
import {
  type DecoderOptionFlags,
  decoderFlags,
  type GivenModelFlags,
  type ModelFlags,
  modelFlags,
  modelsOf,
} from './flags/modelFlags.js'
import { functionReward } from './flags/rewardFlag.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = GivenModelFlags &
  DecoderFlags &
  DecoderOptionFlags &
  Readonly<{ host: string; port: number; name?: string; maxNewTokens: number }>

const PORT = z.int().min(0).max(65_535).describe('an integer from 0 to 65535')
const { maxNewTokens } = generateOptions.shape

/** `rxargs serve` answers requests of OpenAI's API, guided by rewards. */
export const serveCommand = (terminal: Terminal): Command =>
  decoderFlags(
    modelFlags(
      new Command('serve')
        .description('serve an OpenAI-compatible API whose replies are guided by rewards, and a playground; needs hono')
        .option('--host <address>', 'address to listen on', text('host'), '127.0.0.1')
        .option('--port <number>', 'port to listen on; 0 takes a free one', number('port', PORT), 8000)
        .option('--name <name>', "name of the model in requests (default: that of the model's folder)", text('name')),
    ),
  )
    .option(
      '--max-new-tokens <number>',
      'maximum tokens per reply whose request sets no limit',
      number('max-new-tokens', maxNewTokens),
      maxNewTokens.parse(undefined),
    )
    .action(async (flags: Flags) => run(flags, modelsOf(flags), await chooseDecoder(flags), terminal))

/** The server and what it needs are an optional install. */
async function serverModules() {
  try {
    const [{ startServer }, { startService }, { limitsOptions }] = await Promise.all([
      import('../server/startServer.js'),
      import('../server/replies/service.js'),
      import('../server/limits.js'),
    ])
    return { startServer, startService, limitsOptions }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !/hono/.test(message)) throw error
    throw new OptionError('`rxargs serve` needs two more packages: npm install hono @hono/node-server')
  }
}

async function run(flags: Flags, models: ModelFlags, chosen: ChosenDecoder, { stderr, signal }: Terminal): Promise<void> {
  const { startServer, startService, limitsOptions } = await serverModules()
  const { decoder, name: decoderName, registry, about, weight } = chosen
  const say = (line: string): void => void stderr.write(`${line}\n`)
  weightsOf(
    models.rewards.map((each) => (each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each)),
    weight ?? {},
  )
  const { lm, lms, dtype, device } = models
  const reward = await loadRewards(models.rewards, models.rewardTimeout)
  const loaded = await loadModels({ lm, lms, reward, dtype, device, onNotice: say })
  try {
    signal.throwIfAborted()
    const service = startService({
      ...{ models: loaded, decoder, decoderName, registry, maxNewTokens: flags.maxNewTokens, onNotice: say },
      name: flags.name ?? (typeof lm === 'string' ? modelName(lm) : lm.model),
      limits: limitsOptions.parse({}),
    })
    const server = await startServer({ service, host: flags.host, port: flags.port })
    await writeLine(stderr, `${describeLm(lm)} with ${about} at ${server.url}`)
    if (!signal.aborted) await once(signal, 'abort')
    await server.drain()
  } finally {
    await loaded.close()
  }
}
