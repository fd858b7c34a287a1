import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { extendedRegistry } from '../../../pipelines/registry/extendedRegistry.js'
import { builtIn, type Registry } from '../../../pipelines/registry/registry.js'
import { pipelineFromText } from '../../../pipelines/registry/specs/pipelineFromText.js'
import type { SearchSpec } from '../../../pipelines/registry/specs/searchFromSpec.js'
import { messageOf, OptionError } from '../../core/errors.js'
import type { DecoderSpec } from '../../core/step.js'
import { hashModule } from '../run/hashModule.js'

export type LoadedRegistry = Readonly<{
  registry: Registry
  /** SHA-256 of each module, and of what it imports by path, by its path as it was given: the answers depend on them. */
  use: Readonly<Record<string, string>>
}>

/**
 * The package's operators and decoders with those of the modules.
 *
 * @throws OptionError for a module that cannot be loaded, and as `extendedRegistry`
 */
export async function loadRegistry(modules: readonly string[]): Promise<LoadedRegistry> {
  let registry = builtIn
  const use: Record<string, string> = {}
  for (const path of modules) {
    await text(path, 'use')
    use[path] = await hashModule(path)
    registry = extendedRegistry(registry, await imported(path), path)
  }
  return { registry, use }
}

/** @throws OptionError where there is no such file, and as `pipelineFromText` */
export const readPipeline = async (path: string, registry: Registry): Promise<DecoderSpec | SearchSpec> =>
  pipelineFromText(await text(path, 'pipeline'), path, registry)

async function imported(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new OptionError(`Expected \`--use\` to be a module that can be loaded, ${path} says: ${messageOf(error)}`)
  }
}

const text = (path: string, flag: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new OptionError(`Expected \`--${flag}\` to be a file, ${path}: ${missing ? 'found nothing there' : messageOf(error)}`)
  })
