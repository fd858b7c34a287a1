import { LineCounter, parseDocument } from 'yaml'
import { messageOf, OptionError } from '../../../src/core/errors.js'
import type { DecoderSpec } from '../../../src/core/step.js'
import { builtIn, type Registry } from '../registry.js'
import { checkedSteps } from './decoderFromSpec.js'
import { checkedSearch, isSearchSpec, type SearchSpec } from './searchFromSpec.js'

/**
 * Reads a spec from YAML or JSON: a decoder's list of `steps`, each an operator with options, or one `search` with options.
 *
 * @param file the text's name in messages
 * @throws OptionError with file, line and column, what was expected there, and the nearest known name
 * @example pipelineFromText('steps:\n  - topK: { k: 10 }\n  - selectGreedy: {}\n', 'mine.yaml')
 */
export function pipelineFromText(text: string, file: string, registry: Registry = builtIn): DecoderSpec | SearchSpec {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [broken] = document.errors
  if (broken) throw new OptionError(`${at(broken.pos[0])}: Expected YAML or JSON: ${broken.message}`)
  const spec = plainValue(document, file)
  try {
    if (isSearchSpec(spec)) checkedSearch(spec)
    else checkedSteps(spec, registry)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new OptionError(`${at(placeOf(document, error.path))}: ${error.message}`, error.path)
  }
  return spec as DecoderSpec | SearchSpec
}

type Document = ReturnType<typeof parseDocument>

/** @throws OptionError for aliases that lead back to themselves, or unfold to very much */
function plainValue(document: Document, file: string): unknown {
  try {
    const value: unknown = document.toJS()
    JSON.stringify(value) // A value within itself throws.
    return value
  } catch (error) {
    throw new OptionError(`Expected aliases in ${file} that end, got: ${messageOf(error).split('\n', 1)[0]}`)
  }
}

/** Finds the offset of the path's last key, or of the nearest part before it that exists. */
function placeOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = keyOf(document, path.slice(0, length))
    if (node !== undefined) return node
  }
  return rangeOf(document.contents) ?? 0
}

function keyOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const name = path.at(-1)
  const { items = [] } = (parent ?? {}) as { items?: readonly { key?: unknown }[] }
  if (typeof name === 'number') return rangeOf(items[name])
  return rangeOf(items.find(({ key }) => (key as { value?: unknown } | undefined)?.value === name)?.key)
}

const rangeOf = (node: unknown): number | undefined =>
  (node as { range?: readonly [number, number, number] | null } | null | undefined)?.range?.[0]
