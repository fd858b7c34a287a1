// Written by `npm run build` from the files of this folder; see src/lists.mjs.
import { gemma2 } from './gemma2.js'
import { gemma3 } from './gemma3.js'
import { gpt2 } from './gpt2.js'
import { gptNeox } from './gptNeox.js'
import { llama } from './llama.js'
import { opt } from './opt.js'
import { phi3 } from './phi3.js'

/** The function that writes the graph of each family of decoders. */
export const familyGraphs = {
  gemma2,
  gemma3,
  gpt2,
  gpt_neox: gptNeox,
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  opt,
  phi3,
}
