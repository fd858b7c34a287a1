import { messageOf } from '../../core/errors.js'
import type { TextCodec } from '../../core/model.js'
import type { RunMeta, TracedReply } from '../../core/run.js'
import { readsAs } from '../../core/text/decodedText.js'
import { loadCodec } from '../../models/checkpoint/tokenizer/loadCodec.js'
import { modelFolder } from '../../models/modelFolder.js'
import { findOnnx } from '../../models/onnx/findOnnx.js'

/** The tokenizer of a run, or why there is none. */
export type RunCodec = Readonly<{ codec: TextCodec } | { codec?: undefined; reason: string }>

/**
 * The tokenizer that reads the tokens of a run: that of its language model's folder as the run's files name it, or of another one that it
 * moved to. None where that is gone, or reads the prompt into other tokens than the row has.
 */
export async function runCodec(
  { models }: RunMeta,
  { prompt, promptTokenIds }: Pick<TracedReply, 'prompt' | 'promptTokenIds'>,
  moved?: string,
): Promise<RunCodec> {
  const path = moved ?? models.lm?.path
  if (path === undefined) return { reason: 'the run does not say which language model it had' }
  try {
    const folder = path.endsWith('.onnx') ? (await findOnnx(path))?.folder : undefined
    const codec = await loadCodec(folder ?? (await modelFolder(path)))
    if (promptTokenIds === null || readsAs(codec, prompt ?? '', promptTokenIds)) return { codec }
    return { reason: `the tokenizer of ${path} reads the prompt into other tokens than the run's` }
  } catch (error) {
    return { reason: messageOf(error) }
  }
}
