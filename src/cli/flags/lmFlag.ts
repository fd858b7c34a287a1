import { messageOf, OptionError } from '../../core/errors.js'
import { joinAdapter } from '../../models/checkpoint/adapter/adapterPath.js'
import { httpAddress, isHttp, redactAddress } from '../../models/remote/httpAddress.js'
import type { RemoteLm } from '../../models/remote/remoteLanguageModel.js'
import { embeddedPath } from './embeddedPath.js'

type LmFlags = Readonly<{
  lm?: string
  lmAdapter?: string
  lmModel?: string
  lmTokenizer?: string
  lmTop?: number
  lmPrompt?: RemoteLm['prompt']
}>

/**
 * Reads the language model from the flags: a folder, or a server with the name of its model and a tokenizer.
 *
 * @throws OptionError if a server lacks a flag, a folder has a flag for servers, or the address is wrong
 */
export function lmFlag({
  lm = embeddedPath('chat-lm'),
  lmAdapter,
  lmModel,
  lmTokenizer,
  lmTop,
  lmPrompt,
}: LmFlags): string | RemoteLm {
  if (!isHttp(lm)) {
    const flags = { model: lmModel, tokenizer: lmTokenizer, top: lmTop, prompt: lmPrompt }
    const foreign = Object.entries(flags).find(([, value]) => value !== undefined)
    if (foreign) throw new OptionError(`Expected \`--lm\` to be a server (http://…) beside \`--lm-${foreign[0]}\`, got ${lm}`)
    return lmAdapter === undefined ? lm : joinAdapter(lm, lmAdapter)
  }
  if (lmAdapter !== undefined)
    throw new OptionError(`Expected \`--lm\` to be a folder or a file beside \`--lm-adapter\`, got ${redactAddress(lm)}`)
  try {
    httpAddress(lm)
  } catch (error) {
    throw new OptionError(messageOf(error))
  }
  if (lmModel === undefined)
    throw new OptionError(`Expected \`--lm-model\`, the name of the model at ${redactAddress(lm)}, got nothing`)
  if (lmTokenizer === undefined)
    throw new OptionError(`Expected \`--lm-tokenizer\`, the folder of the tokenizer of ${lmModel}, got nothing`)
  return {
    url: lm,
    model: lmModel,
    tokenizer: lmTokenizer,
    ...(lmTop !== undefined && { maxTop: lmTop }),
    ...(lmPrompt && { prompt: lmPrompt }),
  }
}

/** Names a language model in messages. */
export const describeLm = (lm: string | RemoteLm): string =>
  typeof lm === 'string' ? lm : `${lm.model} at ${redactAddress(lm.url)}`
