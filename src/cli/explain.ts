import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { builtIn, type Registry } from '../../pipelines/registry/registry.js'
import { searches } from '../../pipelines/registry/searchRegistry.js'
import { explain, explainSearch } from '../../pipelines/registry/specs/explain.js'
import { pipelineSchema } from '../../pipelines/registry/specs/pipelineSchema.js'
import { specOf } from '../../pipelines/registry/specs/specOf.js'
import { OptionError } from '../core/errors.js'
import { didYouMean } from '../core/nearest.js'
import { chooseDecoder } from './flags/chooseDecoder.js'
import { collect, flagsOfDecoders, text } from './flags/flags.js'
import { loadRegistry } from './flags/loadRegistry.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{ use?: readonly string[]; schema?: boolean } & Record<string, unknown>>

/** `rxargs explain` shows the parts of a decoder. */
export function explainCommand(terminal: Terminal): Command {
  const command = new Command('explain')
    .description('show the steps of a decoder, the data between them, the models it needs, and the same decoder as TypeScript')
    .argument(
      '[decoder]',
      `decoder or search (${[...Object.keys(builtIn.decoders), ...Object.keys(searches)].join(', ')}), or a pipeline file`,
    )
    .option('--use <module>', 'module with your own operators and decoders, repeatable', collect(text('use')))
    .option('--schema', 'print the JSON Schema of pipelines instead')
  for (const { flag, value, about } of flagsOfDecoders()) command.option(`--${flag} <${value}>`, about)
  return command.action((name: string | undefined, flags: Flags) => run(name, flags, terminal))
}

async function run(target: string | undefined, flags: Flags, { stdout }: Terminal): Promise<void> {
  if (flags.schema) {
    const { registry } = await loadRegistry(flags.use ?? [])
    return writeLine(stdout, JSON.stringify(pipelineSchema(registry), null, 2))
  }
  if (target === undefined) throw new OptionError('Expected a decoder, a search or a pipeline file to explain, got nothing')
  const loaded = await loadRegistry(flags.use ?? [])
  checkName(target, loaded.registry)
  const choice = isFile(target) ? { pipeline: target } : { decoder: target }
  const { name, decoder, registry } = await chooseDecoder({ ...flags, ...choice }, loaded)
  if ('search' in decoder) return writeLine(stdout, explainSearch(name, decoder))
  await writeLine(stdout, explain({ name, about: registry.decoders[name]?.about, ...specOf(decoder), registry }))
}

/** @throws OptionError unless it is a decoder, a search or a file */
function checkName(target: string, { decoders }: Registry): void {
  const names = [...Object.keys(decoders), ...Object.keys(searches)]
  if (names.includes(target) || isFile(target)) return
  const near = didYouMean(target, names)
  throw new OptionError(
    `Expected a decoder, a search or a pipeline file to explain, got \`${target}\`${near || `; known: ${names.join(', ')}`}`,
  )
}

const isFile = (target: string): boolean => /[./\\]/.test(target) || existsSync(target)
