/** A sample of Prometheus' text format. */
export type Sample = Readonly<{ name: string; labels: Readonly<Record<string, string>>; value: number }>

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const HELP = new RegExp(`^# HELP (${NAME}) .*$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)?\\})? (\\S+)( \\d+)?$`)
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/

/**
 * Parses figures in Prometheus' text format, version 0.0.4, and refuses what that format does not allow: a line of no kind, a sample outside
 * its family, the same sample twice, and a histogram whose buckets do not grow or do not end with its count.
 */
export function parseExposition(text: string): readonly Sample[] {
  if (!text.endsWith('\n')) throw new Error('Expected a line feed at the end')
  const types = new Map<string, string>()
  const seen = new Set<string>()
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || HELP.test(line)) continue
    const type = line.match(TYPE)
    if (type) {
      if (types.has(type[1]!)) throw new Error(`Expected one type, got two: ${line}`)
      types.set(type[1]!, type[2]!)
      continue
    }
    const [, name, labels = '', value] = line.match(SAMPLE) ?? []
    if (name === undefined || value === undefined || !NUMBER.test(value)) throw new Error(`Expected a sample, got: ${line}`)
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count|total)$/, '')
    if (!types.has(family)) throw new Error(`Expected a type before: ${line}`)
    if (seen.has(`${name}{${labels}}`)) throw new Error(`Expected a sample once: ${line}`)
    seen.add(`${name}{${labels}}`)
    const pairs = [...labels.matchAll(new RegExp(LABEL, 'g'))].map(([pair]) => [
      pair.slice(0, pair.indexOf('=')),
      JSON.parse(pair.slice(pair.indexOf('=') + 1)) as string,
    ])
    samples.push({
      name,
      labels: Object.fromEntries(pairs) as Record<string, string>,
      value: Number(value.replace('Inf', 'Infinity')),
    })
  }
  for (const [name, type] of types) if (type === 'histogram') checkBuckets(name, samples)
  return samples
}

function checkBuckets(name: string, samples: readonly Sample[]): void {
  const last = new Map<string, Readonly<{ le: number; count: number }>>()
  const seriesOf = ({ le: _, ...labels }: Sample['labels']): string => JSON.stringify(labels)
  for (const { labels, value } of samples.filter((sample) => sample.name === `${name}_bucket`)) {
    const series = seriesOf(labels)
    const le = Number(labels.le!.replace('Inf', 'Infinity'))
    const before = last.get(series) ?? { le: Number.NEGATIVE_INFINITY, count: 0 }
    if (!(le > before.le) || value < before.count) throw new Error(`Expected growing buckets of ${name}`)
    last.set(series, { le, count: value })
  }
  for (const { labels, value } of samples.filter((sample) => sample.name === `${name}_count`)) {
    const end = last.get(seriesOf(labels))
    if (end?.le !== Number.POSITIVE_INFINITY || end.count !== value)
      throw new Error(`Expected the buckets of ${name} to end with its count`)
  }
}
