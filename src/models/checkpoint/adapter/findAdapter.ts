import { ModelError } from '../../../core/errors.js'
import { modelFolder } from '../../modelFolder.js'
import { readAdapterConfig } from './adapterConfig.js'
import { splitAdapter } from './adapterPath.js'

/** An adapter's folder, and where its base model lies. */
export type Adapter = Readonly<{ folder: string; base: string }>

/**
 * The adapter that a path names, with its base model: the one in the path, or the one that adapter_config.json names, as a path or from the
 * hub's cache. Nothing for a path of anything else.
 *
 * @throws ModelError when the base model is not there, or the adapter is of a kind that is not built
 */
export async function findAdapter(path: string): Promise<Adapter | undefined> {
  const found = await splitAdapter(path)
  if (!found) return undefined
  const { folder, base: given } = found
  if (given !== undefined) return { folder, base: given }
  const { base, file } = await readAdapterConfig(folder)
  if (base === undefined)
    throw new ModelError(`Expected \`base_model_name_or_path\` in ${file}, found none; name the base model with \`--base\``)
  try {
    return { folder, base: await modelFolder(base) }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new ModelError(`${error.message}; it is the base model in ${file}, \`--base\` names another place`)
  }
}
