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
  /** SHA-256 of each module and its imports, under its path as the user wrote it. The answers depend on them. */
  use: Readonly<Record<string, string>>
}>

/**
 * Adds the operators and decoders of modules to those of the package.
 *
 * @throws OptionError for a module that cannot be loaded, and as `extendedRegistry`
 */
export async function loadRegistry(modules: readonly string[]): Promise<LoadedRegistry> {
  let registry = builtIn
  const use: Record<string, string> = {}
  for (const path of modules) {
    await readText(path, 'use')
    use[path] = await hashModule(path)
    registry = extendedRegistry(registry, await importModule(path), path)
  }
  return { registry, use }
}

/** @throws OptionError for a missing file, and as `pipelineFromText` */
export const readPipeline = async (path: string, registry: Registry): Promise<DecoderSpec | SearchSpec> =>
  pipelineFromText(await readText(path, 'pipeline'), path, registry)

async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new OptionError(`Expected \`--use\` to be a module that loads, ${path}: ${messageOf(error)}`)
  }
}

const readText = (path: string, flag: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new OptionError(`Expected \`--${flag}\` to be a file, ${path}: ${missing ? 'found nothing there' : messageOf(error)}`)
  })
