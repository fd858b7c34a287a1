import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OptionError } from '../../core/errors.js'
import { ADAPTER_CONFIG, joinAdapter } from '../../models/checkpoint/adapter/adapterPath.js'

export type AdapterFlags = Readonly<{ lmAdapter?: string; base?: string }>

/** Help of `--base`. */
export const BASE_HELP = 'base model for adapters whose own base model is not found'

const isAdapter = (path: string): boolean => existsSync(join(path, ADAPTER_CONFIG))

/** Joins an adapter's folder with the base model of `--base`. The path of a whole model does not change. */
export const joinBase = (path: string, base: string | undefined): string =>
  base !== undefined && isAdapter(path) ? joinAdapter(base, path) : path

/**
 * Joins adapters among these paths with the base model of `--base`. Paths of whole models do not change.
 *
 * @throws OptionError for `--base` without an adapter
 */
export function onBase<const P extends readonly Readonly<{ path: string }>[]>(models: P, base: string | undefined): P {
  if (base === undefined) return models
  if (!models.some(({ path }) => isAdapter(path)))
    throw new OptionError('Expected a folder with adapter_config.json as a model or a reward beside `--base`, got none')
  return models.map((model) => ({ ...model, path: joinBase(model.path, base) })) as unknown as P
}
