import { join, resolve } from 'node:path'
import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkFolder } from '../checkFolder.js'
import { type GenerationConfig, readGenerationConfig } from '../generationConfig.js'
import { isGguf } from '../gguf/readGguf.js'
import { readGgufSource } from '../gguf/readGgufSource.js'
import { checkJson, positiveInteger, readJson, readOptionalJson } from '../readJson.js'
import { fitVocabulary } from './fitVocabulary.js'
import { loadCodec, type PairCodec } from './loadCodec.js'

/** What a run needs of a model behind HTTP: its tokenizer, the ends of replies, and its context length. */
export type TokenizerFolder = GenerationConfig &
  Readonly<{ folder: string; codec: PairCodec; contextLength: number; vocabSize: number }>

const length = positiveInteger.optional()
/** Names for the context length in different families. */
const sizes = z.looseObject({
  vocab_size: positiveInteger,
  max_position_embeddings: length,
  n_positions: length,
  n_ctx: length,
  max_seq_len: length,
})

/**
 * Reads the tokenizer, config.json and generation_config.json of a model folder of any family; weights are not needed.
 *
 * @throws ModelError when one of the files is missing or damaged, config.json has no context length, or the tokenizer does not fit the vocabulary
 */
export async function readTokenizerFolder(path: string): Promise<TokenizerFolder> {
  const folder = resolve(path)
  if (isGguf(folder)) return ofGguf(folder)
  await checkFolder(folder)
  const [file, generationFile] = [join(folder, 'config.json'), join(folder, 'generation_config.json')]
  const whole = await readJson(file)
  // A model of text and images has its text sizes in an object of their own.
  const json = (whole.text_config as typeof whole | undefined) ?? whole
  const { vocab_size: vocabSize, max_position_embeddings: first, ...others } = checkJson(sizes, json, file)
  const contextLength = first ?? others.n_positions ?? others.n_ctx ?? others.max_seq_len
  if (contextLength === undefined) throw new ModelError(`Expected \`max_position_embeddings\` in ${file}, found none`)
  const generationJson = await readOptionalJson(generationFile)
  const generation = readGenerationConfig(
    { json, file },
    generationJson && { json: generationJson, file: generationFile },
    vocabSize,
  )
  const codec = fitVocabulary(folder, vocabSize, await loadCodec(folder))
  return { ...generation, folder, codec, contextLength, vocabSize }
}

/** The server's own GGUF file, as llama.cpp serves it. */
async function ofGguf(file: string): Promise<TokenizerFolder> {
  const { json } = await readGgufSource(file)
  const { vocab_size: vocabSize, max_position_embeddings: contextLength } = checkJson(ofGgufSchema, json, file)
  const generation = readGenerationConfig({ json, file }, undefined, vocabSize)
  const codec = fitVocabulary(file, vocabSize, await loadCodec(file))
  return { ...generation, folder: file, codec, contextLength, vocabSize }
}

const ofGgufSchema = z.looseObject({ vocab_size: positiveInteger, max_position_embeddings: positiveInteger })
