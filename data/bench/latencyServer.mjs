// A server that answers every request a fixed time after its last byte: completions with log-probabilities like vLLM's, and its /classify. Its numbers
// follow from the input alone and mean nothing. `rxargs bench --lm` beside it shows what requests cost. With `steps` each model answers like a GPU that
// is bound by memory: one step at a time, in the same time for any number of prompts. Requests that arrive during a step share the next.
//
//   node data/bench/latencyServer.mjs [MILLISECONDS] [VOCABULARY] [steps]     prints its address
import { createServer } from 'node:http'
import { setImmediate, setTimeout } from 'node:timers/promises'

const [latencyMs = 20, vocabulary = 4096] = process.argv.slice(2, 4).map(Number)
const isInSteps = process.argv[4] === 'steps'

/** A number below 2^32 that depends on all of `values`. */
const hash = (values) => values.reduce((sum, value) => Math.imul(sum ^ value, 0x01000193) >>> 0, 0x811c9dc5)

function choice(ids, index, logprobs) {
  const first = hash(ids) % vocabulary
  const likeliest = Array.from({ length: logprobs }, (_, rank) => [`token_id:${(first + 7 * rank) % vocabulary}`, -1 - rank / 4])
  const [[token, logprob]] = likeliest
  return {
    index,
    text: '',
    logprobs: { text_offset: [0], token_logprobs: [logprob], tokens: [token], top_logprobs: [Object.fromEntries(likeliest)] },
    finish_reason: 'length',
    stop_reason: null,
  }
}

function answerOf(path, { prompt, logprobs, input }) {
  if (path.endsWith('/classify')) {
    const data = input.map((text, index) => ({
      index,
      label: 'LABEL_0',
      probs: [(hash([...text.slice(-16)].map((each) => each.codePointAt(0))) % 1000) / 250],
      num_classes: 1,
    }))
    return { id: 'classify-0', object: 'list', created: 0, model: 'none', data }
  }
  const prompts = Array.isArray(prompt[0]) ? prompt : [prompt]
  return {
    id: 'cmpl-0',
    object: 'text_completion',
    created: 0,
    model: 'none',
    choices: prompts.map((ids, index) => choice(ids, index, logprobs)),
  }
}

const steps = new Map()

/** When a request to this path that has arrived now is answered. */
function dueOf(path) {
  const now = performance.now()
  const last = steps.get(path)
  const isWaiting = last !== undefined && now <= last.start
  const start = !isInSteps || !last ? now : isWaiting ? last.start : Math.max(now, last.start + latencyMs)
  steps.set(path, { start })
  return start + latencyMs
}

/** A timer is late by up to a millisecond, so the last part of the time is a loop. */
async function until(time) {
  await setTimeout(time - performance.now() - 2)
  while (performance.now() < time) await setImmediate()
}

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const due = until(dueOf(request.url))
  const answer = JSON.stringify(answerOf(request.url, JSON.parse(Buffer.concat(chunks).toString())))
  await due
  response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`))
