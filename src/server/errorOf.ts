import { InputError, ModelLostError, OptionError, RemoteError, RewardError } from '../core/errors.js'
import { ApiError } from './ApiError.js'

export const REWARD_FAILED = 'A reward failed on this request'

/**
 * The answer to an error. A failure of the server may hold addresses and texts of modules, so `log` gets its message and the client learns only
 * what failed.
 */
export function errorOf(error: unknown, log: (line: string) => void): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof OptionError || error instanceof InputError)
    return new ApiError(400, error.message, { code: 'invalid_value' })
  log(`A request failed: ${told(error)}`)
  if (error instanceof ModelLostError) return new ApiError(503, 'A model of this server was lost', { code: 'model_lost' })
  if (error instanceof RewardError) return new ApiError(500, REWARD_FAILED, { code: 'reward_failed' })
  if (error instanceof RemoteError)
    return new ApiError(500, 'A model server that this server calls failed', { code: 'model_failed' })
  return new ApiError(500, 'The server failed on this request', { code: 'internal_error' })
}

/** An error that is not ours is a fault in a program, so its stack helps. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isOurs = [ModelLostError, RewardError, RemoteError].some((kind) => error instanceof kind)
  return isOurs ? error.message : (error.stack ?? error.message)
}
