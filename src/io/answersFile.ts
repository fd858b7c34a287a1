import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as z from 'zod'
import { messageOf, OutputError } from '../core/errors.js'
import { lockFolder } from './folderLock.js'
import { makeWritableFolder } from './outputFolder.js'

const NAME = 'answers.jsonl'
const NEWLINE = '\n'

/** Answers of a judge, one per line. Each is on the disk before the next question. */
export type AnswersFile<T> = Readonly<{
  path: string
  /** The answers in the file when it was opened. A line that a killed process cut is left out. */
  known: readonly T[]
  add: (answer: T) => Promise<void>
  close: () => Promise<void>
}>

/**
 * Opens a folder's `answers.jsonl`. Makes the folder and the file if they are missing.
 *
 * @throws OutputError if it cannot be written, holds something else, or another process writes answers there
 */
export async function answersFile<T>(folder: string, schema: z.ZodType<T>): Promise<AnswersFile<T>> {
  const path = join(folder, NAME)
  const fail = (error: unknown): never => {
    throw new OutputError(`Expected to write answers into ${path}: ${messageOf(error)}`)
  }
  await makeWritableFolder(folder)
  const release = await lockFolder(folder)
  return openedFile(path, schema, fail, release).catch(async (error: unknown) => {
    await release()
    throw error
  })
}

async function openedFile<T>(
  path: string,
  schema: z.ZodType<T>,
  fail: (error: unknown) => never,
  release: () => Promise<void>,
): Promise<AnswersFile<T>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? '' : fail(error)))
  const whole = text.slice(0, text.lastIndexOf(NEWLINE) + 1)
  const known = whole
    .split(NEWLINE)
    .slice(0, -1)
    .map((line, index) => {
      const answer = schema.safeParse(parseLine(line))
      if (answer.success) return answer.data
      throw new OutputError(`Expected an answer of a judge in ${path}:${index + 1}, got another line; use another folder`)
    })
  const handle = await open(path, 'a').catch(fail)
  if (whole.length < text.length) await handle.truncate(Buffer.byteLength(whole)).catch(fail)
  let writing = Promise.resolve()
  return {
    path,
    known,
    add(answer) {
      // One after the other, so that the lines of simultaneous answers do not mix.
      writing = writing.then(() => handle.appendFile(`${JSON.stringify(answer)}${NEWLINE}`).catch(fail))
      return writing
    },
    async close() {
      await writing.catch(() => undefined)
      await handle.close()
      await release()
    },
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
