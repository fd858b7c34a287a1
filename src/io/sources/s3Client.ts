import { OptionError, optionalPackage } from '../../core/errors.js'

/** A bucket and a key, or the beginning of keys. */
export type S3Address = Readonly<{ bucket: string; key: string }>

/** Whether a path is an address of S3. */
export const isS3 = (path: string): boolean => /^s3:\/\//i.test(path)

/** @throws OptionError for another address than s3://BUCKET/KEY */
export function s3Address(address: string): S3Address {
  const [, bucket, key] = address.match(/^s3:\/\/([^/]+)(?:\/(.*))?$/is) ?? []
  if (bucket === undefined) throw new OptionError(`Expected s3://BUCKET/KEY, got \`${address}\``)
  return { bucket, key: key ?? '' }
}

export type S3 = Awaited<ReturnType<typeof openS3>>

/** A server that takes no connection, or falls silent on one, counts as not there. */
const CONNECT_MS = 10_000
const SILENCE_MS = 60_000
/** A connection without a request closes after this time, so nobody needs to close a client. */
const IDLE_MS = 15_000

/**
 * Opens a client of S3 with the settings that every AWS tool reads: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL and others. It
 * has connections and credentials of its own, so whoever opens it shares it among all objects of a place.
 *
 * @throws OptionError if the package of the client is not installed
 */
export async function openS3() {
  // Loaded late, because it is optional.
  const sdk = await optionalPackage(() => import('@aws-sdk/client-s3'), 's3://', '@aws-sdk/client-s3')
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = process.env
  const region = AWS_REGION ?? AWS_DEFAULT_REGION
  const endpoint = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL
  const idle = { timeout: IDLE_MS }
  const client = new sdk.S3Client({
    // Servers other than Amazon's rarely have a name for each bucket, and seldom care for the region.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
    ...(region !== undefined && { region }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: true,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS, httpAgent: idle, httpsAgent: idle },
  })
  return { sdk, client, endpoint: endpoint ?? 'Amazon S3' }
}

/** Status of a failed request; undefined if no answer came. */
export const s3Status = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode
