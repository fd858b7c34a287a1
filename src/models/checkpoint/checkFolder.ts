import { stat } from 'node:fs/promises'
import { MissingModelError, ModelError, messageOf } from '../../core/errors.js'
import { isMissing } from './readJson.js'

/** @throws ModelError unless the path is a folder */
export async function checkFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return
  } catch (error) {
    if (isMissing(error)) throw new MissingModelError(`Expected a model folder at ${folder}, found nothing there`)
    throw new ModelError(`Expected a model folder at ${folder}: ${messageOf(error)}`)
  }
  throw new ModelError(`Expected a model folder at ${folder}, found a file; give the folder that holds config.json`)
}
