import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadEncoder } from '../../../../../src/models/loadEncoder.js'
import { loadModels } from '../../../../../src/models/loadModels.js'
import { lm, reward, rxargs } from '../../../cli/rxargs.js'

const CONFIG = JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: 'org/base-7b', r: 8, lora_alpha: 8 })
const NAMED =
  /Expected a model folder at org\/base-7b, found nothing .*adapter_config\.json names this base model; use `--base` for another path/
const OF_ENCODER =
  /Expected a whole model in \S+, got a LoRA adapter \(PEFT\) of the base model `org\/base-7b` \(adapter_config\.json\)/

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-adapter-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (name: string, content = '') => writeFile(join(folder, name), content)

describe('an adapter of PEFT', () => {
  it('is named with its base model wherever that is not there', async () => {
    await write('adapter_config.json', CONFIG)
    await write('adapter_model.safetensors')
    await expect(loadModels({ lm: folder })).rejects.toThrow(NAMED)
    await expect(loadModels({ lm, reward: folder })).rejects.toThrow(NAMED)
    await expect(loadEncoder(folder)).rejects.toThrow(OF_ENCODER)
    const commands = [
      ['inspect', folder],
      ['score', '-', '--reward', folder],
      ['generate', '-', '--lm', folder, '--reward', reward],
      ['generate', '-', '--lm', lm, '--reward', folder, '--dry-run'],
    ]
    for (const command of commands)
      expect(await rxargs(command, '{"prompt":"Hi","completion":"Ho"}\n')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(NAMED),
      })
  })

  it.each([
    ['its weights', 'adapter_model.safetensors', '', /got a PEFT adapter \(adapter_model\.safetensors\)/],
    ['its pickled weights', 'adapter_model.bin', '', /got a PEFT adapter \(adapter_model\.bin\)/],
  ])('is refused without its config: %s', async (_, file, content, message) => {
    await cp(lm, folder, { recursive: true })
    await write(file, content)
    await expect(loadModels({ lm: folder })).rejects.toThrow(message)
  })
})
