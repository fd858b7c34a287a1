import { readFile } from 'node:fs/promises'
import { grammar } from '../../../operators/grammar.js'
import type { Search } from '../../../pipelines/decoding/decode.js'
import { compose } from '../../../pipelines/decoding/steps.js'
import { messageOf, OptionError } from '../../core/errors.js'
import type { GrammarSource, JsonSchema } from '../../core/model.js'
import type { Decoder, DecoderSpec } from '../../core/step.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'
import { readGrammar } from '../../models/grammar/readGrammar.js'

/**
 * Reads a JSON Schema from a file.
 *
 * @throws OptionError for a missing file, for anything but a JSON object, and for a schema that is not supported
 */
export async function readJsonSchema(path: string): Promise<JsonSchema> {
  const refusal = (reason: string) =>
    new OptionError(`Expected \`--json-schema\` to be a file with a JSON Schema, ${path}: ${reason}`)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw refusal((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'found nothing there' : messageOf(error))
  })
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (error) {
    throw refusal(messageOf(error))
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw refusal('it is not a JSON object')
  const twice = duplicateKey(text)
  if (twice !== undefined) throw refusal(`it has the key ${JSON.stringify(twice)} twice`)
  await readGrammar({ jsonSchema: schema as JsonSchema })
  return schema as JsonSchema
}

/**
 * Checks the grammars of a pipeline before any model is loaded.
 *
 * @throws OptionError for a grammar that cannot be read
 */
export async function checkGrammars({ steps }: DecoderSpec): Promise<void> {
  for (const { grammar: source } of steps) if (source) await readGrammar(source as GrammarSource)
}

/** Puts the grammar of a schema in front of a decoder. */
export function withJsonSchema(name: string, decoder: Decoder | Search, jsonSchema: JsonSchema): Decoder {
  if ('search' in decoder)
    throw new OptionError(`Expected a decoder beside \`--json-schema\`, \`${name}\` is a search over whole replies`)
  return (models) => {
    const { codec, endTokenIds } = models.lm
    const { operators, spec } = decoder(models)
    if (!operators)
      throw new OptionError(`Expected a decoder of operators beside \`--json-schema\`, \`${name}\` does not list its operators`)
    const all = compose([grammar({ jsonSchema, codec, endTokenIds }), ...operators])
    return Object.assign(all, { spec: { ...(spec?.name !== undefined && { name: spec.name }), ...all.spec! } })
  }
}
