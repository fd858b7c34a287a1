import { availableParallelism, cpus, totalmem } from 'node:os'
import { findGpu } from '../../models/device.js'
import { type Terminal, writeLine } from '../terminal.js'

/** `rxargs inspect --devices` lists the devices for models, and says why a GPU cannot be used. */
export async function inspectDevices(
  { json = false }: Readonly<{ json?: boolean }>,
  { stdout, signal }: Pick<Terminal, 'stdout' | 'signal'>,
): Promise<void> {
  const gpu = await findGpu()
  const cpu = { name: cpus()[0]?.model.trim() || 'an unnamed CPU', cores: availableParallelism(), memory_bytes: totalmem() }
  if (json) return writeLine(stdout, JSON.stringify({ cpu, webgpu: gpu }, null, 1), signal)
  await writeLine(stdout, `cpu     ${cpu.name}, ${cpu.cores} cores, ${Math.round(cpu.memory_bytes / 2 ** 30)} GiB`, signal)
  const webgpu = gpu.usable
    ? `${gpu.software ? 'a software renderer, correct but slower than the CPU; `--device auto` does not use it' : 'a GPU; `--device auto` uses it'}; ${gpu.float16 ? 'takes fp32, fp16, q8 and q4' : 'takes fp32, q8 and q4, but not fp16'}`
    : `cannot be used: ${gpu.problem}`
  await writeLine(stdout, `webgpu  ${webgpu}`, signal)
}
