import { join } from 'node:path'
import * as z from 'zod'
import { checkJson, readOptionalJson, readOptionalText } from '../readJson.js'

const named = z.array(z.looseObject({ name: z.string(), template: z.string() }))

/** What may stand under `chat_template`. */
export const templateField = z
  .union([z.string(), named, z.record(z.string(), z.string())])
  .nullish()
  .describe('a template or a list of named ones')

const fileSchema = z.looseObject({ chat_template: templateField })

/** The template that renders prompts, and the one for prompts with tools; where there are only others, their names. */
export type FoundTemplate = Readonly<{ source?: string; toolSource?: string; others: readonly string[] }>

/** The template of those that a file gives under one key. */
export function chooseTemplate(given: z.output<typeof templateField>): FoundTemplate {
  if (given == null) return { others: [] }
  if (typeof given === 'string') return { source: given, others: [] }
  const templates = new Map(Array.isArray(given) ? given.map(({ name, template }) => [name, template]) : Object.entries(given))
  const toolSource = templates.get('tool_use')
  return { source: templates.get('default'), ...(toolSource !== undefined && { toolSource }), others: [...templates.keys()] }
}

/**
 * The chat template of a model folder: chat_template.jinja, or the one in tokenizer_config.json (the default of several), or the
 * one in chat_template.json, which models of more than text have.
 *
 * @param given `chat_template` of tokenizer_config.json
 * @throws ModelError when a file cannot be read or chat_template.json holds no template
 */
export async function readTemplate(folder: string, given: z.output<typeof templateField>): Promise<FoundTemplate> {
  const source = await readOptionalText(join(folder, 'chat_template.jinja'))
  if (source !== undefined) {
    const toolSource = await readOptionalText(join(folder, 'additional_chat_templates', 'tool_use.jinja'))
    return { source, ...(toolSource !== undefined && { toolSource }), others: [] }
  }
  if (given != null) return chooseTemplate(given)
  const file = join(folder, 'chat_template.json')
  const json = await readOptionalJson(file)
  return chooseTemplate(json && checkJson(fileSchema, json, file).chat_template)
}
