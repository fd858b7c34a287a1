// Written by `npm run build` from the files of this folder; see src/lists.mjs.
import { gemma2Family } from './gemma2Config.js'
import { gemma3Family } from './gemma3Config.js'
import { gpt2Family } from './gpt2Config.js'
import { gptNeoxFamily } from './gptNeoxConfig.js'
import { llamaFamily } from './llamaConfig.js'
import { mistralFamily } from './mistralConfig.js'
import { optFamily } from './optConfig.js'
import { phi3Family } from './phi3Config.js'
import { qwen2Family } from './qwen2Config.js'
import { qwen3Family } from './qwen3Config.js'

/** The families of decoders that a config.json can name. */
export const decoderFamilies = [gemma2Family, gemma3Family, gpt2Family, gptNeoxFamily, llamaFamily, mistralFamily, optFamily, phi3Family, qwen2Family, qwen3Family] as const
