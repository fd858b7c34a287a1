/** Format of an input's rows. `csv` has the character between its fields. */
export type RowFormat = Readonly<{ format: 'jsonl' | 'json' | 'parquet' | 'csv'; delimiter?: string }>

/** The kind of an input by its first bytes: its format, its compression, or the name of a kind that cannot be read. */
export type ContentKind = RowFormat | Readonly<{ compressed: 'gzip' | 'zstd' }> | Readonly<{ unreadable: string }>

/** Enough bytes for every kind. If they leave it open, the input is plain text. */
export const HEAD_BYTES = 1 << 16

const LONGEST_SIGNATURE = 16
const GZIP = '\x1f\x8b'
const ZSTD = '\x28\xb5\x2f\xfd'

/** First bytes of files that are no text, in Latin-1, with the name of the kind. */
const binaries: readonly (readonly [begins: readonly string[], what: string])[] = [
  [['PK\x03\x04', 'PK\x05\x06'], 'a zip archive (an .xlsx workbook is one, too: save the sheet as CSV)'],
  [['\xd0\xcf\x11\xe0'], 'an old Microsoft Office file (save the sheet as CSV)'],
  [['%PDF-'], 'a PDF'],
  [['SQLite format 3\x00'], 'an SQLite database'],
  [['ARROW1\x00', 'FEA1', '\xff\xff\xff\xff'], 'an Arrow file (write it as Parquet)'],
  [['Obj\x01'], 'an Avro file (write it as Parquet)'],
  [['BZh'], 'data compressed with bzip2 (gzip and zstd can be read)'],
  [['\xfd7zXZ\x00'], 'data compressed with xz (gzip and zstd can be read)'],
  [['\x04\x22\x4d\x18'], 'data compressed with lz4 (gzip and zstd can be read)'],
  [['7z\xbc\xaf\x27\x1c'], 'a 7z archive'],
  [['\x93NUMPY'], 'a NumPy array'],
  [['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'], 'a Python pickle'],
  [['\x89PNG', '\xff\xd8\xff', 'GIF8'], 'an image'],
  [['\xff\xfe', '\xfe\xff'], 'UTF-16 text (save it as UTF-8)'],
]

/** A character of ASCII and a zero byte, in either order. */
const isUtf16 = ([first = 1, second = 1]: Uint8Array): boolean => (first === 0) !== (second === 0)

const texts: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\/spec\//, 'a pointer of Git LFS, not the file itself (run `git lfs pull`)'],
  [/^<(!doctype\s+html|html|head|body)\b/i, 'an HTML page (of a failed download?)'],
  [/^<\?xml/i, 'XML'],
  [/^%YAML|^---\s*$/m, 'YAML'],
]

const decoder = new TextDecoder('utf-8')
const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** First line of an object that goes on in the next line: `{`, `{ "data": [`, or a pair and a comma. */
const isSpread = (line: string): boolean => /^\{\s*$|^\{\s*"(?:[^"\\]|\\.)*"\s*:.*[,[{]\s*$/s.test(line) && !isJson(line)

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** Fields of a header line, without quotes. */
const fieldsOf = (line: string, delimiter: string): string[] =>
  line.split(delimiter).map((field) => field.trim().replace(/^"(.*)"$/, '$1'))

/** The delimiter that gives a header the most fields; a comma if it has only one. */
const delimiterOf = (line: string): string =>
  [',', ';', '\t'].reduce((best, each) => (fieldsOf(line, each).length > fieldsOf(line, best).length ? each : best))

export type Naming = Readonly<{
  /** File name without the ending of its compression. */
  name: string
  /** CSV is recognized by one of these columns. */
  columns: readonly string[]
}>

/**
 * Recognizes the kind of an input by its first bytes. The name decides only whether text that is no JSON is CSV.
 *
 * @param head the first bytes, or all bytes if `ended`
 * @returns undefined if more bytes are needed, never at HEAD_BYTES
 */
export function contentKind(head: Uint8Array, ended: boolean, { name, columns }: Naming): ContentKind | undefined {
  const complete = ended || head.length >= HEAD_BYTES
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, LONGEST_SIGNATURE)).toString('latin1')
  const isText = /^(\xef\xbb\xbf)?[\s{[]/.test(start) && head[1] !== 0
  if (!isText && start.length < LONGEST_SIGNATURE && !complete) return undefined
  if (start.startsWith('PAR1')) return { format: 'parquet' }
  if (start.startsWith(GZIP)) return { compressed: 'gzip' }
  if (start.startsWith(ZSTD)) return { compressed: 'zstd' }
  const binary = binaries.find(([begins]) => begins.some((begin) => start.startsWith(begin)))
  if (binary) return { unreadable: binary[1] }
  if (isUtf16(head)) return { unreadable: 'UTF-16 text (save it as UTF-8)' }

  const text = decoder.decode(head).trimStart()
  if (text === '') {
    if (!complete) return undefined
    return /\.(parquet|gz|zst)$/i.test(name) ? { unreadable: 'an empty file' } : { format: 'jsonl' }
  }
  const lines = text.split(/\r?\n/)
  if (lines.length === 1 && !complete) return undefined
  const first = lines[0]!
  if (text.startsWith('[')) return { format: 'json' }
  if (text.startsWith('{'))
    return lines.length > 1 && isSpread(first) ? { unreadable: 'one JSON value over several lines' } : { format: 'jsonl' }
  const known = texts.find(([begin]) => begin.test(text))
  if (known) return { unreadable: known[1] }
  if (head.includes(0)) return { unreadable: 'binary data' }
  const delimiter = delimiterOf(first)
  if (/\.(csv|tsv)$/i.test(name) || fieldsOf(first, delimiter).some((field) => columns.includes(field)))
    return { format: 'csv', delimiter: /\.tsv$/i.test(name) ? '\t' : delimiter }
  // One broken line does not make the others broken.
  if (lines.some((line) => line.trimStart().startsWith('{'))) return { format: 'jsonl' }
  if (!complete) return undefined
  if (text.includes('\ufffd')) return { unreadable: 'binary data' }
  const isTable = fieldsOf(first, delimiter).length > 1 && columns.length > 0
  const hint = isTable ? ` (CSV needs a column ${columns.map((column) => `\`${column}\``).join(' or ')})` : ''
  return { unreadable: `text that begins \`${shorten(first.trim())}\`${hint}` }
}
