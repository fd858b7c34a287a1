/** Kinds of errors, as OpenAI's API names them. */
export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'rate_limit_error'
  | 'server_error'
  | 'service_unavailable_error'
  | 'timeout_error'

export type ErrorDetails = Readonly<{
  /** The field of the request that is at fault. */
  param?: string | null
  code?: string | null
  type?: ErrorType
  /** Further headers of the answer. */
  headers?: Readonly<Record<string, string>>
}>

/** The body of an error, as OpenAI's clients read it. */
export type ErrorBody = Readonly<{
  error: Readonly<{ message: string; type: ErrorType; param: string | null; code: string | null }>
}>

/** An answer that is an error, with its HTTP status. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly headers: Readonly<Record<string, string>>
  readonly body: ErrorBody

  constructor(
    readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503,
    message: string,
    { param = null, code = null, type = typeOf(status), headers = {} }: ErrorDetails = {},
  ) {
    super(message)
    this.headers = headers
    this.body = { error: { message, type, param, code } }
  }
}

function typeOf(status: number): ErrorType {
  if (status === 401 || status === 403) return 'authentication_error'
  if (status === 408) return 'timeout_error'
  if (status === 429) return 'rate_limit_error'
  if (status === 503) return 'service_unavailable_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
