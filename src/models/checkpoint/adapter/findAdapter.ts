import { ModelError } from '../../../core/errors.js'
import { modelFolder } from '../../modelFolder.js'
import { readAdapterConfig } from './adapterConfig.js'
import { splitAdapter } from './adapterPath.js'

/** An adapter's folder, and the path of its base model. */
export type Adapter = Readonly<{ folder: string; base: string }>

/**
 * Finds the adapter of a path and its base model. The base comes from the path, else from adapter_config.json as a path or a name in the hub's cache.
 * Undefined for a path of anything else.
 *
 * @throws ModelError if the base model does not exist, or the adapter is of an unsupported kind
 */
export async function findAdapter(path: string): Promise<Adapter | undefined> {
  const found = await splitAdapter(path)
  if (!found) return undefined
  const { folder, base: given } = found
  if (given !== undefined) return { folder, base: given }
  const { base, file } = await readAdapterConfig(folder)
  if (base === undefined)
    throw new ModelError(`Expected \`base_model_name_or_path\` in ${file}, found none. Name the base model with \`--base\``)
  try {
    return { folder, base: await modelFolder(base) }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new ModelError(`${error.message}. ${file} names this base model; use \`--base\` for another path`)
  }
}
