import { randomUUID } from 'node:crypto'
import { firstValueFrom, forkJoin, type Observable, takeUntil } from 'rxjs'
import type * as z from 'zod'
import { InputError } from '../core/errors.js'
import { ApiError } from './ApiError.js'
import { checkLimit } from './limits.js'
import type { Service } from './replies/service.js'
import type { classifyRequest, scoreRequest } from './requests/scoreRequests.js'

type Pair = Readonly<{ prompt: string; completion: string }>

/** Answers POST /classify: one class per text, whose number is the reward of the whole text. */
export async function answerClassify(service: Service, request: z.output<typeof classifyRequest>, gone: Observable<never>) {
  const texts = [request.input].flat()
  const name = rewardNamed(service, request.model)
  const values = await scored(
    service,
    name,
    texts.map((completion) => ({ prompt: '', completion })),
    'input',
    gone,
  )
  const activated = request.use_activation === false ? values : values.map((value) => 1 / (1 + Math.exp(-value)))
  return {
    ...headOf('classify', name),
    data: activated.map((value, index) => ({ index, label: name, probs: [value], num_classes: 1 })),
  }
}

/** Answers POST /v1/score: the reward of each completion after its prompt. */
export async function answerScore(service: Service, request: z.output<typeof scoreRequest>, gone: Observable<never>) {
  const [prompts, completions] = [[request.text_1].flat(), [request.text_2].flat()]
  const count = Math.max(prompts.length, completions.length)
  if (prompts.length !== count && prompts.length !== 1)
    throw new ApiError(400, `Expected one text or ${count} in \`text_1\`, got ${prompts.length}`, { param: 'text_1' })
  if (completions.length !== count && completions.length !== 1)
    throw new ApiError(400, `Expected one text or ${count} in \`text_2\`, got ${completions.length}`, { param: 'text_2' })
  const at = (texts: readonly string[], index: number): string => texts[texts.length === 1 ? 0 : index]!
  const name = rewardNamed(service, request.model)
  const pairs = Array.from({ length: count }, (_, index) => ({ prompt: at(prompts, index), completion: at(completions, index) }))
  const values = await scored(service, name, pairs, 'text_2', gone)
  return { ...headOf('score', name), data: values.map((value, index) => ({ index, object: 'score', score: value })) }
}

const headOf = (prefix: string, model: string) => ({
  ...{ id: `${prefix}-${randomUUID()}`, object: 'list', created: Math.floor(Date.now() / 1000), model },
})

function rewardNamed({ scorers }: Service, name: string | null | undefined): string {
  const names = [...scorers.keys()]
  const found = name ?? names[0]
  if (found !== undefined && scorers.has(found)) return found
  throw new ApiError(
    404,
    `Expected \`model\` to be a reward of this server (${names.join(', ') || 'there is none'}), got \`${found ?? 'nothing'}\``,
    { param: 'model', code: 'model_not_found' },
  )
}

async function scored(service: Service, name: string, pairs: readonly Pair[], param: string, gone: Observable<never>) {
  const { limits, slots, admit, scorers } = service
  checkLimit(param, pairs.length, limits.maxTexts, 'texts')
  slots.reserve(1)
  const scorer = scorers.get(name)!
  const all = forkJoin(pairs.map(({ prompt, completion }) => scorer(prompt, completion, 'once')))
  try {
    return await firstValueFrom(admit(all).pipe(takeUntil(gone)))
  } catch (error) {
    if (error instanceof InputError) throw new ApiError(400, error.message, { param, code: 'invalid_value' })
    throw error
  }
}
