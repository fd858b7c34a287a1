import { parentPort, workerData } from 'node:worker_threads'
import { messageOf, OptionError } from '../../core/errors.js'
import type { AllowedTokens } from '../../core/model.js'
import { allowedTokens } from './allowedTokens.js'
import type { GrammarAnswer, GrammarForget, GrammarQuestion, GrammarSetup } from './grammarProtocol.js'

const { source, vocabulary, endTokenIds } = workerData as GrammarSetup
const allowed = allowedTokens(source, vocabulary, endTokenIds)
/** Sequences by the number that the other thread gives them. */
const sequences = new Map<number, object>()

const post = (answer: GrammarAnswer): void => parentPort!.postMessage(answer)

parentPort!.on('message', (message: GrammarQuestion | GrammarForget) => {
  if ('forget' in message) {
    sequences.delete(message.forget)
    return
  }
  const { id, sequence, tokenIds } = message
  const key = sequences.get(sequence) ?? {}
  sequences.set(sequence, key)
  // What a grammar allows depends on the decoded tokens alone.
  allowed({ key, tokenIds } as Parameters<AllowedTokens>[0]).then(
    (bits) => post({ id, bits }),
    (error: unknown) => post({ id, message: messageOf(error), isOption: error instanceof OptionError }),
  )
})
