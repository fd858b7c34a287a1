import {
  InputError,
  isAllocationFailure,
  ModelLostError,
  OptionError,
  OutOfMemoryError,
  RemoteError,
  RewardError,
} from '../core/errors.js'
import { ApiError } from './ApiError.js'

/** What a client learns of a failure. Whoever runs the server finds the rest under the id. */
const failure = (what: string, requestId: string): string => `${what} (request id ${requestId})`

export const rewardFailure = (requestId: string): string => failure('A reward failed on this request', requestId)

export type ErrorLog = Readonly<{ requestId: string; log: (line: string) => void }>

/**
 * The answer to an error. A failure of the server may hold addresses and texts of modules, so `log` gets its message and the client learns only
 * what failed, and the id of the request in the log.
 */
export function errorOf(error: unknown, { requestId, log }: ErrorLog): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof OptionError || error instanceof InputError)
    return new ApiError(400, error.message, { code: 'invalid_value' })
  log(`Request ${requestId} failed: ${told(error)}`)
  const answer = (status: 500 | 503, what: string, code: string) => new ApiError(status, failure(what, requestId), { code })
  if (error instanceof ModelLostError) return answer(503, 'A model of this server was lost', 'model_lost')
  if (error instanceof OutOfMemoryError || isAllocationFailure(error))
    return answer(503, 'No memory was left for this request', 'out_of_memory')
  if (error instanceof RewardError) return new ApiError(500, rewardFailure(requestId), { code: 'reward_failed' })
  if (error instanceof RemoteError) return answer(500, 'A model server that this server calls failed', 'model_failed')
  return answer(500, 'The server failed on this request', 'internal_error')
}

/** An error that is not ours is a fault in a program, so its stack helps. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isOurs = [ModelLostError, OutOfMemoryError, RewardError, RemoteError].some((kind) => error instanceof kind)
  return isOurs ? error.message : (error.stack ?? error.message)
}
