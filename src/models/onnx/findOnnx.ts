import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MissingModelError, ModelError } from '../../core/errors.js'
import { splitAdapter } from '../checkpoint/adapter/adapterPath.js'
import { checkFolder } from '../checkpoint/checkFolder.js'
import { isGguf } from '../checkpoint/gguf/readGguf.js'
import { isMissing } from '../checkpoint/readJson.js'
import type { WeightDtype } from '../graph/quantize.js'
import { modelFolder } from '../modelFolder.js'

/** An exported graph: the folder of its config and tokenizer, and the name of its file there. */
export type OnnxFile = Readonly<{ folder: string; name: string }>

/** Endings of file names, by the type of the weights. */
const SUFFIXES: Readonly<Record<WeightDtype, string>> = { fp32: '', fp16: '_fp16', q8: '_quantized', q4: '_q4' }
const STEMS = ['model', 'decoder_model_merged']
const PLACES = ['', 'onnx/']

/** File names in the order of the search. */
const namesFor = (dtype: WeightDtype): string[] =>
  PLACES.flatMap((place) => STEMS.map((stem) => `${place}${stem}${SUFFIXES[dtype]}.onnx`))

/**
 * Finds the exported graph of a path. A `*.onnx` file has its config beside it or one folder up. In a folder without safetensors it is the first of
 * `model`, `decoder_model_merged`, `onnx/model` and `onnx/decoder_model_merged` with the ending of `dtype`. Undefined for a folder with
 * safetensors or without an ONNX file.
 *
 * @throws ModelError if the file does not exist, and if a folder has only ONNX files of other names
 */
export async function findOnnx(path: string, dtype: WeightDtype = 'fp32'): Promise<OnnxFile | undefined> {
  const whole = await modelFolder(path)
  if (isGguf(whole) || (await splitAdapter(whole))) return undefined
  if (whole.endsWith('.onnx') && !(await isFolder(whole))) return fromFile(whole, dtype)
  await checkFolder(whole)
  const names = await readdir(whole)
  if (names.some((name) => /^model\.safetensors(\.index\.json)?$/.test(name))) return undefined
  const inner = names.includes('onnx') ? await readdir(join(whole, 'onnx')) : []
  const all = [...names, ...inner.map((name) => `onnx/${name}`)].filter((name) => name.endsWith('.onnx'))
  if (all.length === 0) return undefined
  const name = namesFor(dtype).find((one) => all.includes(one))
  if (name !== undefined) return { folder: whole, name }
  throw new ModelError(
    `Expected ${namesFor(dtype).join(', ')} in ${whole} for dtype ${dtype}, got ${all.sort().join(', ')}. Name a file, such as ${join(whole, all[0]!)}, or use another dtype`,
  )
}

async function fromFile(file: string, dtype: WeightDtype): Promise<OnnxFile> {
  if (!(await exists(file))) throw new MissingModelError(`Expected an ONNX file at ${file}, found nothing there`)
  if (basename(file).startsWith('decoder_with_past_model'))
    throw new ModelError(
      `Expected a graph that can start a sequence, got ${file}, which can only continue one. Use decoder_model_merged`,
    )
  if (dtype !== 'fp32' && !file.endsWith(`${SUFFIXES[dtype]}.onnx`))
    throw new ModelError(
      `Expected no \`dtype\` beside an ONNX file, because the file fixes its weights, got ${dtype} for ${file}`,
    )
  for (const folder of [dirname(file), dirname(dirname(file))])
    if (await exists(join(folder, 'config.json')))
      return { folder, name: folder === dirname(file) ? basename(file) : `${basename(dirname(file))}/${basename(file)}` }
  throw new ModelError(`Expected config.json beside ${file} or in the folder above, found none`)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

const isFolder = async (path: string): Promise<boolean> => (await exists(path)) && (await stat(path)).isDirectory()
