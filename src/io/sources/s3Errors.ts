import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../core/errors.js'
import { type S3, s3Status } from './s3Client.js'

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')

/** Says in one line why a request to S3 failed. */
export function s3Reason(error: unknown, { endpoint }: Pick<S3, 'endpoint'>, bucket: string): string {
  const name = nameOf(error)
  const status = s3Status(error)
  if (name === 'NoSuchBucket') return `there is no bucket \`${bucket}\` at ${endpoint}`
  if (name === 'CredentialsProviderError')
    return `found no credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY): ${messageOf(error)}`
  if (name === 'PermanentRedirect' || status === 301)
    return `the bucket \`${bucket}\` lies in another region than AWS_REGION says`
  if (/Deserialization error|is not expected/.test(messageOf(error)))
    return `${endpoint} does not answer as a server of S3 does (status ${status})`
  if (messageOf(error) === 'Region is missing') return 'AWS_REGION is not set'
  if (isUnanswered(error)) return `no answer from ${endpoint}: ${causeOf(error)}`
  if (status === undefined) return messageOf(error)
  // An answer without a body has a status only.
  const message = /^(UnknownError|Unknown)?$/.test(messageOf(error)) ? `status ${status}` : messageOf(error)
  return status === 403 ? `access denied to the bucket \`${bucket}\`: ${message}` : `${message} (status ${status})`
}

/** An error of several addresses has no message of its own. */
function causeOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  return first === undefined ? messageOf(error) : messageOf(first)
}

/** Whether another process has, or had, a say about the same object: `IfNoneMatch` or `IfMatch` did not hold. */
export const isRefusedByCondition = (error: unknown): boolean => s3Status(error) === 412

/** Whether a request failed on its way. The settings of the client may be wrong, too, and then no request is made. */
export const isUnanswered = (error: unknown): boolean =>
  s3Status(error) === undefined &&
  (typeof (error as { code?: unknown } | null)?.code === 'string' || nameOf(error) === 'TimeoutError')

/** A server that is gone may come back, one that is busy asks for patience, and of two simultaneous writers one gets a 409. */
const isPassing = (error: unknown): boolean => {
  const status = s3Status(error)
  if (status === undefined) return isUnanswered(error)
  return (status >= 500 && status !== 501) || status === 429 || status === 409 || status === 408
}

/** The pauses before further attempts, about half a minute in all. */
const WAITS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]

/** Repeats a request that fails for a passing reason, besides the few attempts of the client itself. */
export async function persistently<T>(request: () => Promise<T>): Promise<T> {
  for (const wait of WAITS_MS) {
    try {
      return await request()
    } catch (error) {
      if (!isPassing(error)) throw error
      await sleep(wait)
    }
  }
  return request()
}
