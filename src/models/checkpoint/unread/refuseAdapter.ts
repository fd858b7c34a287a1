import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError } from '../../../core/errors.js'
import { readOptionalJson } from '../readJson.js'

const CONFIG = 'adapter_config.json'
const WEIGHTS = /^adapter_model\.(safetensors|bin)$/

/**
 * Refuses a folder with an adapter of the PEFT library, alone or beside a model: its weights change what the model answers.
 *
 * @throws ModelError with the adapter, its kind and its base model
 */
export async function refuseAdapter(folder: string): Promise<void> {
  const names = await readdir(folder)
  const found = names.find((name) => name === CONFIG || WEIGHTS.test(name))
  if (found === undefined) return
  const json = await readOptionalJson(join(folder, CONFIG))
  const { peft_type: kind, base_model_name_or_path: base } = json ?? {}
  const adapter =
    kind === 'LORA' ? 'a LoRA adapter (PEFT)' : typeof kind === 'string' ? `a PEFT adapter (${kind})` : 'a PEFT adapter'
  const of = typeof base === 'string' && base !== '' ? ` of the base model \`${base}\`` : ''
  throw new ModelError(
    `Expected a whole model in ${folder}, got ${adapter}${of} (${found}): merge it into its base model with \`merge_and_unload\` and give the folder of the result`,
  )
}
