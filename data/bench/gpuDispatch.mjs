// What a run on a GPU takes before it computes anything: chains of sums of one number, so that all time goes to dispatches and to the run itself.
// Prints JSON: for each length of chain the wall time of a run and the processor time of the process, medians of RUNS runs in microseconds. gpu.mjs
// runs it in a process of its own, as a process has one GPU.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { graphBuilder } from '../../dist/src/models/graph/builder.js'
import { WEBGPU } from '../../dist/src/models/runtime/device/webgpu.js'

const DISPATCHES = [1, 16, 64, 256]
const RUNS = 40

/** A graph whose `count` nodes wait for one another. */
function chain(count) {
  const graph = graphBuilder('chain')
  const one = graph.numbers('one', Float32Array.of(1), [1])
  let value = graph.input('x', 'float', [1])
  for (let node = 0; node < count; node++) value = graph.node('Add', [value, one], { name: `add.${node}` })
  graph.output('y', value, 'float', [1])
  return graph.model()
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

async function measure(dispatches) {
  const session = await InferenceSession.create(chain(dispatches), WEBGPU)
  const times = []
  const processor = []
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage()
    const begun = performance.now()
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(run), [1]) })
    times.push(1000 * (performance.now() - begun))
    const { user, system } = process.cpuUsage(before)
    processor.push(user + system)
    if (y.data[0] !== run + dispatches) throw new Error(`Expected ${run + dispatches} from ${dispatches} sums, got ${y.data[0]}`)
  }
  await session.release()
  return { dispatches, run_us: Math.round(median(times)), run_cpu_us: Math.round(median(processor)) }
}

const measured = []
for (const dispatches of DISPATCHES) measured.push(await measure(dispatches))
process.stdout.write(`${JSON.stringify(measured)}\n`)
