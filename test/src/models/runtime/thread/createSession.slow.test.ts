import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { graphBuilder } from '../../../../../src/models/graph/builder.js'
import { createSession } from '../../../../../src/models/runtime/thread/createSession.js'
import { tempFolder } from '../../../../tempFolder.js'

const WIDTH = 1024
/** In fp32 this is just over 1 GiB, the most that the runtime converts by default when it loads a graph. */
const ROWS = 2 ** 18 + 64

describe('createSession', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })
  afterEach(() => vi.restoreAllMocks())

  it('widens a matrix of 16-bit numbers once, however large it is, and not in each run', async () => {
    const bytes = 2 * ROWS * WIDTH
    // A hole in the file takes no room.
    const file = await open(join(folder, 'matrix'), 'w')
    await file.truncate(bytes)
    await file.close()
    const graph = graphBuilder('matrix')
    const matrix = graph.external('matrix', 'bfloat16', [ROWS, WIDTH], { location: 'matrix', begin: 0, length: bytes })
    const wide = graph.node('Cast', [matrix], { attributes: { to: { int: 1 } } })
    graph.output('rows', graph.node('Gather', [wide, graph.input('ids', 'int64', ['N'])]), 'float', ['N', WIDTH])

    const create = InferenceSession.create.bind(InferenceSession) as (...given: unknown[]) => Promise<InferenceSession>
    const recorded = (model: unknown, options: object) =>
      create(model, { ...options, enableProfiling: true, profileFilePrefix: join(folder, 'run') })
    vi.spyOn(InferenceSession, 'create').mockImplementationOnce(recorded as typeof InferenceSession.create)
    const session = await createSession({ graph: graph.model(), folder, threads: 1, inMemory: [] }, () => undefined)
    const { rows } = await session.run({ ids: new Tensor('int64', BigInt64Array.of(BigInt(ROWS - 1)), [1]) })
    expect(rows!.dims).toEqual([1, WIDTH])
    session.endProfiling()
    await session.release()
    const profile = (await readdir(folder)).find((name) => name.startsWith('run'))!
    const events = JSON.parse(await readFile(join(folder, profile), 'utf8')) as { args: { op_name?: string } }[]
    const operators = new Set(events.flatMap(({ args: { op_name } = {} }) => op_name ?? []))
    expect([...operators]).toEqual(['Gather'])
  }, 60_000)
})
