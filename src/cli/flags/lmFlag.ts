import type { Command } from 'commander'
import { messageOf, OptionError } from '../../core/errors.js'
import { joinAdapter } from '../../models/checkpoint/adapter/adapterPath.js'
import { httpAddress, isHttp, redactAddress } from '../../models/remote/httpAddress.js'
import { promptForms, type RemoteLm, remoteLmOptions } from '../../models/remote/remoteLanguageModel.js'
import { embeddedPath } from './embeddedPath.js'
import { number, oneOf, text } from './flags.js'

export type LmFlags = Readonly<{
  lm?: string
  lmAdapter?: string
  lmModel?: string
  lmTokenizer?: string
  lmTop?: number
  lmPrompt?: RemoteLm['prompt']
}>

/** Adds the flags of a language model behind HTTP. */
export const serverFlags = (command: Command): Command =>
  command
    .option('--lm-model <name>', 'name of the model on the server', text('lm-model'))
    .option('--lm-tokenizer <folder>', "folder with the tokenizer and configs of the server's model", text('lm-tokenizer'))
    .option(
      '--lm-top <number>',
      'maximum number of top tokens that the server returns (default: 20)',
      number('lm-top', remoteLmOptions.shape.maxTop),
    )
    .option(
      '--lm-prompt <form>',
      `form of the prompts sent to the server: ${promptForms.join(', ')} (default: ids)`,
      oneOf('lm-prompt', promptForms),
    )

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
