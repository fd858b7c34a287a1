import type { PairCodec } from './checkpoint/tokenizer/loadCodec.js'
import { ModelWorker } from './runtime/thread/ModelWorker.js'
import type { WorkerSetup } from './runtime/thread/protocol.js'
import type { Watch } from './runtime/watch.js'

/** Starts a model's worker, which loads the weights while this thread reads the tokenizer. If either fails, the worker ends. */
export async function startWorker(
  name: string,
  setup: WorkerSetup,
  { onRun, onTrip }: Watch,
  reading: Promise<PairCodec>,
): Promise<Readonly<{ worker: ModelWorker; codec: PairCodec }>> {
  const starting = ModelWorker.start(name, setup, { ...(onRun && { onRun }), ...(onTrip && { onTrip }) })
  const [codec, worker] = await Promise.allSettled([reading, starting])
  if (worker.status === 'rejected') throw worker.reason
  if (codec.status === 'fulfilled') return { codec: codec.value, worker: worker.value }
  await worker.value.close()
  throw codec.reason
}
