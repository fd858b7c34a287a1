import { messageOf, OptionError } from '../../core/errors.js'
import { joinAdapter } from '../../models/checkpoint/adapter/adapterPath.js'
import { httpAddress, isHttp, saidAddress } from '../../models/remote/httpAddress.js'
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
 * The language model that flags name: a folder, or a server with its model's name and tokenizer.
 *
 * @throws OptionError for a flag that is missing beside a server, or given beside a folder, and for an address that may not be
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
    const given = Object.entries(flags).find(([, value]) => value !== undefined)
    if (given) throw new OptionError(`Expected \`--lm\` to be a server (http://…) beside \`--lm-${given[0]}\`, got ${lm}`)
    return lmAdapter === undefined ? lm : joinAdapter(lm, lmAdapter)
  }
  if (lmAdapter !== undefined)
    throw new OptionError(`Expected \`--lm\` to be a folder or a file beside \`--lm-adapter\`, got ${saidAddress(lm)}`)
  try {
    httpAddress(lm)
  } catch (error) {
    throw new OptionError(messageOf(error))
  }
  if (lmModel === undefined)
    throw new OptionError(`Expected \`--lm-model\`, the name of the model at ${saidAddress(lm)}, got nothing`)
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

/** A language model as it is said. */
export const describeLm = (lm: string | RemoteLm): string =>
  typeof lm === 'string' ? lm : `${lm.model} at ${saidAddress(lm.url)}`
