import { messageOf } from '../../core/errors.js'
import type { TextCodec } from '../../core/model.js'
import type { RunMeta, TracedReply } from '../../core/run.js'
import { readsAs } from '../../core/text/decodedText.js'
import { loadCodec } from '../../models/checkpoint/tokenizer/loadCodec.js'
import { modelFolder } from '../../models/modelFolder.js'
import { findOnnx } from '../../models/onnx/findOnnx.js'

/** The tokenizer of a run, or the reason why there is none. */
export type RunCodec = Readonly<{ codec: TextCodec } | { codec?: undefined; reason: string }>

/**
 * Loads the tokenizer of a run, from the language model's folder that the run's files name, or from `moved`. Gives none if the folder is
 * gone, or if its tokenizer encodes the prompt differently from the row.
 */
export async function runCodec(
  { models }: RunMeta,
  { prompt, promptTokenIds }: Pick<TracedReply, 'prompt' | 'promptTokenIds'>,
  moved?: string,
): Promise<RunCodec> {
  const path = moved ?? models.lm?.path
  if (path === undefined) return { reason: 'the run does not say which language model it used' }
  try {
    const folder = path.endsWith('.onnx') ? (await findOnnx(path))?.folder : undefined
    const codec = await loadCodec(folder ?? (await modelFolder(path)))
    if (promptTokenIds === null || readsAs(codec, prompt ?? '', promptTokenIds)) return { codec }
    return { reason: `the tokenizer of ${path} encodes the prompt differently from the run` }
  } catch (error) {
    return { reason: messageOf(error) }
  }
}
