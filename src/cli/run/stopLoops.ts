import { createContext, Script } from 'node:vm'
import type { TextReward } from '../../core/rewardSource.js'

const CALL = new Script('call()')
// One context for all calls: a new one takes a millisecond.
const SCOPE = createContext({})

/**
 * The same reward, whose calls V8 stops after the reward's time-out: while a function loops, no timer fires and no signal is handled. What
 * an asynchronous function does after its first `await` is not covered.
 */
export const stopLoops = (reward: TextReward): TextReward => ({
  ...reward,
  scoreTexts: (texts, signal, replies) => {
    SCOPE.call = () => reward.scoreTexts(texts, signal, replies)
    try {
      return CALL.runInContext(SCOPE, { timeout: reward.timeoutMs }) as ReturnType<TextReward['scoreTexts']>
    } catch (error) {
      // The error belongs to the other context, where `instanceof Error` does not hold.
      if ((error as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      throw new Error(`the call did not return within ${reward.timeoutMs} ms`)
    }
  },
})
