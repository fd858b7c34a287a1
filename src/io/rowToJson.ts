/** What JSON has no word for: numbers that are not finite become null, integers past 2^53 text, bytes base64. */
function shown(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const raw = this[key]
  if (typeof raw === 'bigint') return String(raw)
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
  if (raw instanceof Date && Number.isNaN(raw.getTime())) return null
  return value
}

/** A record as one line of JSON, without its end. Times are ISO 8601. */
export const rowToJson = (record: Readonly<Record<string, unknown>>): string => JSON.stringify(record, shown)
