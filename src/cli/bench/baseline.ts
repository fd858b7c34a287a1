import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import * as z from 'zod'
import { InputError } from '../../core/errors.js'

/** A task for a baseline. test/reference/args_baseline.py explains the fields. `weight` 0 means greedy decoding. */
export type BaselineTask = Readonly<{
  lm: string
  reward: string
  prompt_token_ids: readonly (readonly number[])[]
  concurrency: number
  max_new_tokens: number
  k: number
  weight: number
  end_token_ids: readonly number[]
}>

const answerSchema = z.object({
  token_ids: z.array(z.array(z.int())),
  seconds: z.number().positive(),
  prefill_seconds: z.number().nonnegative(),
})
export type BaselineAnswer = z.output<typeof answerSchema>

/** Another program that decodes the same prompts with the same weights. It runs until it is closed. */
export type Baseline = Readonly<{ decode: (task: BaselineTask) => Promise<BaselineAnswer>; close: () => void }>

const KEPT_ERROR = 2000

/**
 * Starts a baseline with its shell command. It reads one JSON task per line and answers each with one line of JSON.
 *
 * @throws InputError from `decode` if the program ends, with its last line of stderr, or if its answer is wrong
 */
export function startBaseline(command: string): Baseline {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-KEPT_ERROR)
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  // If the program ends early, writing to it fails, too. `decode` reports it.
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async decode(task) {
      child.stdin.write(`${JSON.stringify(task)}\n`)
      const { value, done } = await lines.next()
      if (done) {
        await closed
        throw new InputError(
          `Expected an answer of \`${command}\`, it ended: ${stderr.trim().split('\n').at(-1) || 'without an error message'}`,
        )
      }
      return parse(value, task, command)
    },
    close: () => {
      child.stdin.end()
      child.kill()
    },
  }
}

function parse(line: string, task: BaselineTask, command: string): BaselineAnswer {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    value = undefined
  }
  const answer = answerSchema.safeParse(value)
  if (!answer.success || answer.data.token_ids.length !== task.prompt_token_ids.length) {
    const form = `JSON of token_ids for ${task.prompt_token_ids.length} prompts, seconds and prefill_seconds`
    throw new InputError(`Expected \`${command}\` to answer with ${form}, got \`${line.slice(0, 80)}\``)
  }
  return answer.data
}
