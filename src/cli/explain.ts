import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { builtIn, type Registry } from '../../pipelines/registry/registry.js'
import { searches } from '../../pipelines/registry/searchRegistry.js'
import { explain, explainSearch } from '../../pipelines/registry/specs/explain.js'
import { pipelineSchema } from '../../pipelines/registry/specs/pipelineSchema.js'
import { specOf } from '../../pipelines/registry/specs/specOf.js'
import { OptionError } from '../core/errors.js'
import { didYouMean } from '../core/nearest.js'
import { chosenDecoder } from './flags/chosenDecoder.js'
import { flagsOfDecoders, repeated, text } from './flags/flags.js'
import { loadRegistry } from './flags/loadRegistry.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{ use?: readonly string[]; schema?: boolean } & Record<string, unknown>>

/** `rxargs explain`: what a decoder is made of. */
export function explainCommand(terminal: Terminal): Command {
  const command = new Command('explain')
    .description('show a decoder: its steps, what flows between them, what it needs, and the same as TypeScript')
    .argument(
      '[decoder]',
      `name of a decoder or search (${[...Object.keys(builtIn.decoders), ...Object.keys(searches)].join(', ')}), or file with a pipeline`,
    )
    .option('--use <module>', 'module with operators and decoders of your own, repeatable', repeated(text('use')))
    .option('--schema', 'print the JSON Schema of pipelines instead')
  for (const { flag, value, about } of flagsOfDecoders()) command.option(`--${flag} <${value}>`, about)
  return command.action((given: string | undefined, flags: Flags) => run(given, flags, terminal))
}

async function run(given: string | undefined, flags: Flags, { stdout }: Terminal): Promise<void> {
  if (flags.schema) {
    const { registry } = await loadRegistry(flags.use ?? [])
    return writeLine(stdout, JSON.stringify(pipelineSchema(registry), null, 2))
  }
  if (given === undefined) throw new OptionError('Expected a decoder, a search or a file with a pipeline to explain, got nothing')
  const loaded = await loadRegistry(flags.use ?? [])
  checkNamed(given, loaded.registry)
  const named = isFile(given) ? { pipeline: given } : { decoder: given }
  const { name, decoder, registry } = await chosenDecoder({ ...flags, ...named }, loaded)
  if ('search' in decoder) return writeLine(stdout, explainSearch(name, decoder))
  await writeLine(stdout, explain({ name, about: registry.decoders[name]?.about, ...specOf(decoder), registry }))
}

/** @throws OptionError for what is neither a decoder's or a search's name nor a file */
function checkNamed(given: string, { decoders }: Registry): void {
  const names = [...Object.keys(decoders), ...Object.keys(searches)]
  if (names.includes(given) || isFile(given)) return
  const near = didYouMean(given, names)
  throw new OptionError(
    `Expected a decoder, a search or a file with a pipeline to explain, got \`${given}\`${near || `, none of ${names.join(', ')}`}`,
  )
}

const isFile = (given: string): boolean => /[./\\]/.test(given) || existsSync(given)
