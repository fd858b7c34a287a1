import { Tokenizer, TokenParser } from '@streamparser/json'

/**
 * Finds where text stops to be JSON: a position in its UTF-16 code units, its length if it ends too early. The messages of `JSON.parse` name
 * the position only sometimes.
 */
export function syntaxErrorAt(text: string): number {
  const bytes = Buffer.from(text)
  const [tokenizer, parser] = [new Tokenizer(), new TokenParser()]
  let at = bytes.length
  let token = 0
  parser.onValue = () => undefined
  parser.onError = () => {
    at = Math.min(at, token)
  }
  tokenizer.onError = (error) => {
    at = Math.min(at, Number(error.message.match(/absolute position "(\d+)"/)?.[1] ?? bytes.length))
  }
  tokenizer.onToken = (parsed) => {
    token = parsed.offset
    if (at === bytes.length) parser.write(parsed)
  }
  tokenizer.write(bytes)
  return bytes.subarray(0, at).toString().length
}
