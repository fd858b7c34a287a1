import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { ModelError, ModelLostError, OutOfMemoryError } from '../../../../../src/core/errors.js'
import { type LoadedModel, loadModel } from '../../../../../src/models/loadModel.js'
import { ModelWorker } from '../../../../../src/models/runtime/thread/ModelWorker.js'

const folder = fileURLToPath(new URL('../../../../../data/golden/grouped/lm', import.meta.url))
const loaded: LoadedModel[] = []
const load = async () => {
  const model = await loadModel(folder, { head: 'lm', threads: 1, role: 'lm' })
  loaded.push(model)
  return model.worker
}
afterEach(async () => {
  await Promise.all(loaded.splice(0).map(({ worker }) => worker.close()))
})

const call = (...tokenIds: number[]) => ({ key: {}, tokenIds: Int32Array.from(tokenIds), branches: [[]], decode: true, top: 3 })
const threadOf = (worker: ModelWorker) => (worker as unknown as { worker: Worker }).worker

const loading = `
  import { loadModel } from ${JSON.stringify(new URL('../../../../../dist/src/models/loadModel.js', import.meta.url).href)}
  const { worker } = await loadModel(${JSON.stringify(folder)}, { head: 'lm', threads: 1, role: 'lm' })`
const program = (script: string) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 30_000 })

describe('ModelWorker', () => {
  it('answers in the order of the calls', async () => {
    const worker = await load()
    const [first] = await worker.run([call(1, 2)])
    const both = await worker.run([call(3, 4), call(1, 2)])
    expect(both[1]).toEqual(first)
    expect(both[0]).not.toEqual(first)
  })

  it('reports a failing run to its caller and continues with the next', async () => {
    const worker = await load()
    await expect(worker.run([call(1_000_000)])).rejects.toThrow(ModelError)
    await expect(worker.run([call(1)])).resolves.toHaveLength(1)
  })

  it('rejects waiting and later calls when its thread dies', async () => {
    const worker = await load()
    const waiting = worker.run([call(1, 2, 3)])
    void threadOf(worker).terminate()
    await expect(waiting).rejects.toThrow(/worker of .* ended/)
    await expect(worker.run([call(1)])).rejects.toThrow(ModelLostError)
  })

  it('reports a graph that it cannot load', async () => {
    const setup = {
      shape: { layers: 1, kvHeads: 1, headDim: 2 },
      masks: [{ past: 'past_bias', self: 'self_bias' }],
      contextLength: 8,
      output: 'logits',
      vocabSize: 8,
      inMemory: [],
      threads: 1,
    } as const
    await expect(ModelWorker.start('broken', { ...setup, graph: new Uint8Array(8), folder })).rejects.toThrow(
      /broken could not be loaded/,
    )
  })

  it('refuses calls after `close`, and can close twice', async () => {
    const worker = await load()
    await worker.close()
    await worker.close()
    await expect(worker.run([call(1)])).rejects.toThrow(/closed/)
  })

  it('keeps the process alive until it is closed, even during a run', () => {
    const script = `${loading}
      worker.run([{ key: {}, tokenIds: new Int32Array(400).fill(5), branches: [[]], decode: true, top: 1 }]).catch(() => {})
      await worker.close()
      console.log('closed')`
    expect(program(script)).toMatchObject({ status: 0, stdout: 'closed\n', stderr: '' })
  })

  it('lets the process end when nobody waits for an answer', () => {
    const script = `${loading}
      await worker.run([{ key: {}, tokenIds: Int32Array.of(1, 2), branches: [[]], decode: true, top: 1 }])
      console.log('answered')`
    expect(program(script)).toMatchObject({ status: 0, stdout: 'answered\n', stderr: '' })
  })

  it.each([
    [
      'onnxruntime',
      'running Add node. /a/bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 1572864\n',
      '1572864 bytes more were needed',
    ],
    ['V8', 'Array buffer allocation failed', 'Array buffer allocation failed'],
  ])('says that no memory is left where %s says so, and continues with the next run', async (_, message, reason) => {
    const worker = await load()
    const underWay = worker.run([call(1, 2)])
    threadOf(worker).emit('message', { type: 'error', id: 1, message, isOutOfMemory: true })
    await expect(underWay).rejects.toThrow(
      new OutOfMemoryError(`${folder}: no memory is left (${reason}). Fewer prompts at a time or shorter ones need less`),
    )
    await expect(worker.run([call(1)])).resolves.toHaveLength(1)
  })

  it('fails the calls under way and every later one if the GPU is lost, as if the worker had ended', async () => {
    const worker = await load()
    const underWay = worker.run([call(1, 2)])
    threadOf(worker).emit('message', { type: 'lost', message: 'the driver was reset' })
    for (const run of [underWay, worker.run([call(1)])]) {
      const error = await run.catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(ModelLostError)
      expect((error as Error).message).toBe(`${folder} failed on the GPU: the driver was reset`)
    }
  })
})
