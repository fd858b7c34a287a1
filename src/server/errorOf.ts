import { InputError, ModelLostError, messageOf, OptionError, RemoteError, RewardError } from '../core/errors.js'
import { ApiError } from './ApiError.js'

/** The answer to an error. Only messages that we wrote reach a client; of any other error it learns that it happened. */
export function errorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof ModelLostError) return new ApiError(503, 'A model of this server was lost', { code: 'model_lost' })
  if (error instanceof OptionError || error instanceof InputError)
    return new ApiError(400, error.message, { code: 'invalid_value' })
  if (error instanceof RewardError || error instanceof RemoteError)
    return new ApiError(500, messageOf(error), { code: 'reward_failed' })
  return new ApiError(500, 'The server failed on this request', { code: 'internal_error' })
}
