import { once } from 'node:events'
import { Command } from 'commander'
import * as z from 'zod'
import { weightsOf } from '../../pipelines/decoding/perReward.js'
import { generateOptions } from '../../pipelines/run/generate.js'
import { OptionError } from '../core/errors.js'
import { loadModels } from '../models/loadModels.js'
import { modelName } from '../models/modelFolder.js'
import { collectMetrics } from '../watch/metrics.js'
import { type ChosenDecoder, chooseDecoder, type DecoderFlags } from './flags/chooseDecoder.js'
import { collect, number, text } from './flags/flags.js'
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
import { Interrupted, type Terminal, writeLine } from './terminal.js'

type Flags = GivenModelFlags &
  DecoderFlags &
  DecoderOptionFlags &
  Readonly<{
    host: string
    port: number
    name?: string
    maxNewTokens: number
    maxRunning: number
    maxQueue: number
    maxPromptTokens?: number
    maxReplyTokens?: number
    maxN: number
    maxBodyBytes: number
    requestTimeout: number
    drainTimeout: number
    cors?: readonly string[]
  }>

/** Holds the keys that requests may bear, separated by commas. Arguments of a process are no place for secrets. */
const KEYS = 'RXARGS_SERVE_API_KEYS'

const PORT = z.int().min(0).max(65_535).describe('an integer from 0 to 65535')
const COUNT = z.int().min(1).describe('an integer >= 1')
const COUNT_OR_NONE = z.int().min(0).describe('an integer >= 0')
const SECONDS = z.number().min(0.1).max(86_400).describe('a number of seconds from 0.1 to 86400')
const { maxNewTokens } = generateOptions.shape

/** Parses an origin, such as `http://localhost:5173`. A `*` would let every page read answers. */
function origin(value: string): string {
  if (URL.canParse(value) && new URL(value).origin === value) return value
  throw new OptionError(`Expected \`--cors\` to be an origin, such as http://localhost:5173, got \`${value}\``)
}

/** `rxargs serve` answers requests of OpenAI's API, guided by rewards. */
export const serveCommand = (terminal: Terminal): Command =>
  decoderFlags(
    modelFlags(
      new Command('serve')
        .description('serve an OpenAI-compatible API with reward-guided replies, and a playground; needs hono')
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
    .option('--max-running <number>', 'maximum replies decoded at the same time', number('max-running', COUNT), 64)
    .option('--max-queue <number>', 'maximum replies that wait; more get status 429', number('max-queue', COUNT_OR_NONE), 256)
    .option(
      '--max-prompt-tokens <number>',
      'maximum tokens per prompt (default: what the context leaves)',
      number('max-prompt-tokens', COUNT),
    )
    .option(
      '--max-reply-tokens <number>',
      'maximum tokens per reply of any request (default: what the context leaves)',
      number('max-reply-tokens', COUNT),
    )
    .option('--max-n <number>', 'maximum replies per prompt', number('max-n', COUNT), 16)
    .option('--max-body-bytes <number>', 'maximum bytes of a request', number('max-body-bytes', COUNT), 1024 * 1024)
    .option('--request-timeout <seconds>', 'time limit of a request', number('request-timeout', SECONDS), 600)
    .option('--drain-timeout <seconds>', 'time for running replies after a signal to stop', number('drain-timeout', SECONDS), 30)
    .option('--cors <origin>', 'let pages of this origin read answers, repeatable', collect(origin))
    .action(async (flags: Flags) => run(flags, modelsOf(flags), await chooseDecoder(flags), terminal))

/** The server and what it needs are an optional install. */
async function serverModules() {
  try {
    const [server, service, limits, metrics] = await Promise.all([
      import('../server/startServer.js'),
      import('../server/replies/service.js'),
      import('../server/limits.js'),
      import('../server/http/metrics.js'),
    ])
    return { ...server, ...service, ...limits, ...metrics }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !/'(hono|@hono\/node-server)'/.test(message)) throw error
    throw new OptionError('`rxargs serve` needs two more packages: npm install hono @hono/node-server')
  }
}

async function run(flags: Flags, models: ModelFlags, chosen: ChosenDecoder, { stderr, signal }: Terminal): Promise<void> {
  const { bindServer, startService, limitsOptions, serverMetrics } = await serverModules()
  const { decoder, name: decoderName, registry, about, weight } = chosen
  const say = (line: string): void => void stderr.write(`${line}\n`)
  weightsOf(
    models.rewards.map((each) => (each.kind === 'function' && each.of === 'ensemble' ? functionReward(each) : each)),
    weight ?? {},
  )
  const { lm, lms, engine } = models
  const reward = await loadRewards(models.rewards, models.rewardTimeout)
  const keys = (process.env[KEYS] ?? '').split(',').flatMap((key) => key.trim() || [])
  const { host, port } = flags
  const bound = await bindServer({ host, port })
  const collected = await collectMetrics('/metrics').catch((error: unknown) => {
    if (!(error instanceof OptionError)) throw error
    say(`No metrics: ${error.message}`)
    return undefined
  })
  const loaded = await loadModels({ lm, lms, reward, ...engine, ...collected?.load, onNotice: say }).catch((error: unknown) => {
    bound.close()
    throw error
  })
  try {
    signal.throwIfAborted()
    const { maxRunning, maxQueue, maxPromptTokens, maxReplyTokens, maxN, maxBodyBytes } = flags
    const metrics = collected && serverMetrics(collected)
    const service = startService({
      ...{ models: loaded, decoder, decoderName, registry, metrics, maxNewTokens: flags.maxNewTokens, onNotice: say },
      name: flags.name ?? (typeof lm === 'string' ? modelName(lm) : lm.model),
      limits: limitsOptions.parse({
        ...{ maxRunning, maxQueue, maxPromptTokens, maxReplyTokens, maxN, maxBodyBytes },
        requestTimeoutMs: Math.ceil(flags.requestTimeout * 1000),
      }),
    })
    const server = bound.start({ service, keys, origins: flags.cors ?? [] })
    if (!server.isLocal && keys.length === 0) say(`Whoever reaches ${host} can use this server: set ${KEYS} to ask for a key`)
    await writeLine(stderr, `${describeLm(lm)} with ${about}, ${rewardsOf(models)} at ${server.url}`)
    if (!signal.aborted) await once(signal, 'abort')
    await server.drain(flags.drainTimeout * 1000)
    if (!(signal.reason instanceof Interrupted)) throw signal.reason
  } finally {
    bound.close()
    await loaded.close()
  }
}

const rewardsOf = ({ rewards }: ModelFlags): string =>
  `${rewards.length === 1 ? 'reward' : 'rewards'} ${rewards.map(({ name }) => name).join(', ')}`
