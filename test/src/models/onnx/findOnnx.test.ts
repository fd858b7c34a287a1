import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findOnnx } from '../../../../src/models/onnx/findOnnx.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-onnx-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function holding(...names: string[]) {
  for (const name of ['config.json', ...names]) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), '')
  }
}

describe('findOnnx', () => {
  it.each([
    [['model.onnx', 'onnx/model.onnx', 'decoder_model_merged.onnx'], 'fp32', 'model.onnx'],
    [['onnx/model.onnx', 'decoder_model_merged.onnx'], 'fp32', 'decoder_model_merged.onnx'],
    [['onnx/decoder_model_merged.onnx', 'onnx/model.onnx', 'onnx/model_q4.onnx'], 'fp32', 'onnx/model.onnx'],
    [['onnx/decoder_model_merged.onnx', 'onnx/decoder_model_merged_q4.onnx'], 'q4', 'onnx/decoder_model_merged_q4.onnx'],
    [['onnx/model.onnx', 'onnx/model_quantized.onnx'], 'q8', 'onnx/model_quantized.onnx'],
    [['onnx/model.onnx', 'onnx/model_fp16.onnx'], 'fp16', 'onnx/model_fp16.onnx'],
  ] as const)('of %j with weights in %s takes %s', async (names, dtype, name) => {
    await holding(...names)
    expect(await findOnnx(folder, dtype)).toEqual({ folder, name })
  })

  it('finds a file by name, with its config beside it or one folder up', async () => {
    await holding('onnx/model_int8.onnx', 'other.onnx')
    expect(await findOnnx(join(folder, 'onnx/model_int8.onnx'))).toEqual({ folder, name: 'onnx/model_int8.onnx' })
    expect(await findOnnx(join(folder, 'other.onnx'))).toEqual({ folder, name: 'other.onnx' })
  })

  it('ignores a folder with safetensors or without a graph', async () => {
    await holding('README.md')
    expect(await findOnnx(folder)).toBeUndefined()
    await holding('onnx/model.onnx', 'model.safetensors')
    expect(await findOnnx(folder)).toBeUndefined()
  })

  it('lists the files of a folder if none fits', async () => {
    await holding('onnx/model_q4.onnx', 'onnx/decoder_model.onnx')
    await expect(findOnnx(folder)).rejects.toThrow(
      /for dtype fp32, got onnx.decoder_model\.onnx, onnx.model_q4\.onnx\. Name a file, such as/,
    )
  })

  it.each([
    ['none.onnx', /Expected an ONNX file at .*none\.onnx, found nothing there/],
    ['onnx/decoder_with_past_model.onnx', /that can start a sequence, got .*\. Use decoder_model_merged/],
    ['a/b/c.onnx', /Expected config\.json beside .*c\.onnx or in the folder above, found none/],
  ])('refuses %s', async (name, message) => {
    await holding('onnx/decoder_with_past_model.onnx', 'a/b/c.onnx')
    await expect(findOnnx(join(folder, name))).rejects.toThrow(message)
  })
})
