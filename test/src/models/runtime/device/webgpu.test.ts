import { describe, expect, it } from 'vitest'
import { gpuProblem, isGpuLost } from '../../../../../src/models/runtime/device/webgpu.js'

describe('gpuProblem', () => {
  it.each([
    [
      'webgpu_context.cc:136 … Failed to get a WebGPU adapter: No supported adapters\n\nat …',
      /^Expected a GPU that WebGPU can use, found none; on Linux .*libvulkan1\)$/,
    ],
    [
      'Error: vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
      /^The GPU has too little memory for this model and its cache; use a lower concurrency$/,
    ],
    [
      'WebGPU validation failed. Buffer size (4296015872) exceeds the max buffer size limit (1073741824).\n - While calling …',
      /^The GPU takes buffers of at most 1073741824 bytes, and this run needs one of 4296015872 bytes; use a lower concurrency$/,
    ],
    [
      'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While …',
      /^The GPU has too little memory for this model and its cache; use a lower concurrency$/,
    ],
    ['Non-zero status code returned while running Gemm\n  more of it', /^Non-zero status code returned while running Gemm$/],
  ])('explains in one line: %s', (message, line) => expect(gpuProblem(new Error(message))).toMatch(line))
})

describe('isGpuLost', () => {
  it.each([
    ['WebGPU device lost (1): …', true],
    ['Device is lost', true],
    ['vkQueueSubmit failed with VK_ERROR_DEVICE_LOST', true],
    ['Buffer size (4296015872) exceeds the max buffer size limit (1073741824).', true],
    ['[Invalid Buffer (unlabeled)] is invalid due to a previous error.', true],
    ['Failed to get a WebGPU adapter: No supported adapters', false],
  ])('tells a lost or full GPU from other failures: %s', (message, lost) => expect(isGpuLost(new Error(message))).toBe(lost))
})
