import { join } from 'node:path'
import * as z from 'zod'
import { checkJson, readOptionalJson, readOptionalText } from '../readJson.js'

const namedTemplates = z.array(z.looseObject({ name: z.string(), template: z.string() }))

/** The forms of `chat_template`. */
export const templateField = z
  .union([z.string(), namedTemplates, z.record(z.string(), z.string())])
  .nullish()
  .describe('a template, or a list of templates with names')

const fileSchema = z.looseObject({ chat_template: templateField })

/** The template for prompts, the one for prompts with tools, and the names of any others. */
export type FoundTemplate = Readonly<{ source?: string; toolSource?: string; others: readonly string[] }>

/** The template of those that a file gives under one key. */
export function chooseTemplate(field: z.output<typeof templateField>): FoundTemplate {
  if (field == null) return { others: [] }
  if (typeof field === 'string') return { source: field, others: [] }
  const templates = new Map(Array.isArray(field) ? field.map(({ name, template }) => [name, template]) : Object.entries(field))
  const toolSource = templates.get('tool_use')
  return { source: templates.get('default'), ...(toolSource !== undefined && { toolSource }), others: [...templates.keys()] }
}

/**
 * The chat template of a model folder: chat_template.jinja, or the one in tokenizer_config.json (the default of several), or the
 * one in chat_template.json, which models of more than text have.
 *
 * @param field `chat_template` of tokenizer_config.json
 * @throws ModelError when a file cannot be read or chat_template.json holds no template
 */
export async function readTemplate(folder: string, field: z.output<typeof templateField>): Promise<FoundTemplate> {
  const source = await readOptionalText(join(folder, 'chat_template.jinja'))
  if (source !== undefined) {
    const toolSource = await readOptionalText(join(folder, 'additional_chat_templates', 'tool_use.jinja'))
    return { source, ...(toolSource !== undefined && { toolSource }), others: [] }
  }
  if (field != null) return chooseTemplate(field)
  const file = join(folder, 'chat_template.json')
  const json = await readOptionalJson(file)
  return chooseTemplate(json && checkJson(fileSchema, json, file).chat_template)
}
