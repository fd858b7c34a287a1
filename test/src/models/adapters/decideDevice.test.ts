import { describe, expect, it } from 'vitest'
import type { GpuAdapter } from '../../../../src/models/adapters/adapter.js'
import { decideDevice, decideGpu, type GpuFacts } from '../../../../src/models/adapters/decideDevice.js'
import type { WeightDtype } from '../../../../src/models/graph/quantize.js'

const GIB = 2 ** 30
const details = {
  ...{ vendor: 'nvidia', driver: 'NVIDIA: 580.159.04', software: false, float16: true, subgroups: true },
  ...{ maxBuffer: 4 * GIB, maxBinding: 2 * GIB },
}
const card: GpuAdapter = { name: 'NVIDIA H200', backend: 'vulkan', details, memory: { bytes: 139 * GIB } }
const renderer: GpuAdapter = {
  ...{ name: 'llvmpipe', backend: 'vulkan', memory: { bytes: 16 * GIB, shared: true } },
  details: { ...details, vendor: 'mesa', software: true },
}
const usable = { usable: true, float16: true, likelyCard: true } as const
const none = { usable: false, none: true, problem: 'none' } as const
const unlisted = { unknown: 'one more package tells: npm install webgpu' } as const
const of = (bytes: number) => ({ bytes })

type Case = [what: string, facts: GpuFacts, line: string, more?: Readonly<{ dtype?: WeightDtype; system?: NodeJS.Platform }>]

describe('decideDevice, for auto', () => {
  it.each<Case>([
    ['a card', { adapters: [card], runtime: usable, needs: of(GIB) }, 'Runs on the GPU: NVIDIA H200, 139 GiB'],
    ['a card beside a renderer', { adapters: [card, renderer], runtime: usable }, 'Runs on the GPU: NVIDIA H200, 139 GiB'],
    [
      'a card of unknown memory',
      { adapters: [{ ...card, memory: undefined }], runtime: usable, needs: of(900 * GIB) },
      'Runs on the GPU: NVIDIA H200',
    ],
    ['Metal, without a list', { ...unlisted, runtime: usable }, 'Runs on the GPU', { system: 'darwin' }],
  ])('takes %s', (_, facts, why, { dtype = 'fp16', system = 'linux' } = {}) =>
    expect(decideDevice(dtype, facts, system)).toMatchObject({ device: 'webgpu', warmUp: true, why }),
  )

  it.each<Case>([
    ['a renderer', { adapters: [renderer] }, 'the only GPU is llvmpipe, a renderer in software'],
    ['renderers', { adapters: [renderer, { ...renderer, name: 'WARP' }] }, 'the GPUs are renderers in software: llvmpipe, WARP'],
    [
      'a GPU that nobody lists',
      { ...unlisted, runtime: usable },
      'whether the GPU is a card or a renderer in software is not known; one more package tells: npm install webgpu',
    ],
    [
      'a card that is too small',
      { adapters: [card], runtime: usable, needs: of(140 * GIB) },
      'NVIDIA H200 has 139 GiB of memory, and the models need at least 140 GiB',
    ],
    [
      'a card that others fill',
      { adapters: [{ ...card, memory: { bytes: 139 * GIB, free: 512 * 2 ** 20 } }], runtime: usable, needs: of(GIB) },
      'NVIDIA H200 has 512 MiB of its 139 GiB of memory free, and the models need at least 1 GiB',
    ],
    [
      'a card without 16-bit numbers, for fp16',
      { adapters: [card], runtime: { ...usable, float16: false } },
      'NVIDIA H200 has no 16-bit numbers (`shader-f16`) for `dtype` fp16; it takes fp32, q8 and q4',
      { dtype: 'fp16' },
    ],
    [
      'a model without a graph for it',
      { adapters: [card], runtime: usable, needs: { onlyCpu: '`reward r` is an encoder' } },
      '`reward r` is an encoder, which runs on the CPU only',
    ],
    [
      'a card that the runtime does not find',
      { adapters: [card], runtime: none, drivers: ['a.json'] },
      'the runtime cannot use NVIDIA H200',
    ],
    [
      'a card that fails',
      { adapters: [card], runtime: { usable: false, none: false, problem: 'device lost' } },
      'the runtime cannot use NVIDIA H200: device lost',
    ],
    [
      'a system without a loader',
      { adapters: [], loader: false, drivers: ['a.json'] },
      'the system has no Vulkan loader (libvulkan.so.1; Debian: libvulkan1)',
    ],
    [
      'a system without drivers',
      { adapters: [], loader: true, drivers: [] },
      'the system has no Vulkan driver; install that of the GPU’s vendor (Debian, AMD and Intel: mesa-vulkan-drivers)',
    ],
    [
      'a system whose drivers find nothing',
      { adapters: [], loader: true, drivers: ['a.json', 'b.json'] },
      'WebGPU can use none of the system’s Vulkan drivers: a.json, b.json',
    ],
    [
      'the same without a list',
      { ...unlisted, loader: false, runtime: none },
      'the system has no Vulkan loader (libvulkan.so.1; Debian: libvulkan1)',
    ],
    ['Windows without a GPU', { adapters: [] }, 'WebGPU finds none', { system: 'win32' }],
  ])('leaves %s', (_, facts, reason, { dtype = 'fp32', system = 'linux' } = {}) =>
    expect(decideDevice(dtype, facts, system)).toEqual({ device: 'cpu', warmUp: false, why: `Runs on the CPU: ${reason}` }),
  )
})

describe('decideGpu, for webgpu', () => {
  it.each<[string, GpuFacts, string, boolean]>([
    ['a card', { adapters: [card], runtime: usable }, 'Runs on the GPU: NVIDIA H200, 139 GiB', true],
    [
      'a renderer, without compiling all shaders first',
      { adapters: [renderer], runtime: usable },
      'Runs on llvmpipe, a renderer in software that is slower than the CPU',
      false,
    ],
    ['what the runtime finds and nobody lists', { ...unlisted, runtime: usable }, 'Runs on the GPU', true],
    [
      'the same on a machine without a card',
      { ...unlisted, runtime: { ...usable, likelyCard: false } },
      'Runs on the GPU',
      false,
    ],
    ['what the runtime finds and another library does not', { adapters: [], runtime: usable }, 'Runs on the GPU', true],
  ])('takes %s', (_, facts, why, warmUp) => expect(decideGpu('q4', facts)).toMatchObject({ device: 'webgpu', warmUp, why }))

  it.each<[string, GpuFacts, WeightDtype, string]>([
    [
      'too little memory',
      { adapters: [card], runtime: usable, needs: of(200 * GIB) },
      'q4',
      'NVIDIA H200 has 139 GiB of memory, and the models need at least 200 GiB',
    ],
    ['no GPU', { adapters: [], runtime: none }, 'fp32', 'WebGPU finds none'],
    [
      'a model without a graph for it',
      { adapters: [card], runtime: usable, needs: { onlyCpu: '`r` is an encoder' } },
      'q4',
      '`r` is an encoder, which runs on the CPU only',
    ],
    [
      'drivers that are named and not there',
      { adapters: [], runtime: none, drivers: [], named: 'VK_DRIVER_FILES=/no/such.json' },
      'fp32',
      '`VK_DRIVER_FILES=/no/such.json` names no Vulkan driver that is there',
    ],
    [
      'no 16-bit numbers',
      { ...unlisted, runtime: { ...usable, float16: false } },
      'fp16',
      'it has no 16-bit numbers (`shader-f16`) for `dtype` fp16; it takes fp32, q8 and q4',
    ],
  ])('refuses %s', (_, facts, dtype, problem) => expect(decideGpu(dtype, facts)).toEqual({ problem }))
})

describe('the largest tensor', () => {
  it.each([
    ['1,020 MiB, where buffers of 1 GiB are allowed or larger ones', GIB, GIB, 255 * 2 ** 22],
    ['a buffer, where it is smaller', GIB / 2, GIB / 2, GIB / 2],
    ['what a shader reads in two pieces', 4 * GIB, GIB / 4, GIB / 2],
    ['that of every GPU, at least', 4 * GIB, GIB / 16, GIB / 4],
  ])('is %s', (_, maxBuffer, maxBinding, largest) => {
    const facts = { adapters: [{ ...card, details: { ...details, maxBuffer, maxBinding } }], runtime: usable }
    expect([decideGpu('q4', facts), decideDevice('q4', facts)]).toEqual([
      expect.objectContaining({ largest }),
      expect.objectContaining({ largest }),
    ])
  })

  it('is left to the graph, where no limits are known', () =>
    expect(decideGpu('q4', { ...unlisted, runtime: usable })).not.toHaveProperty('largest'))
})
