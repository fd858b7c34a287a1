import { availableParallelism, cpus, totalmem } from 'node:os'
import { type GpuAdapter, gib } from '../../models/adapters/adapter.js'
import { decideDevice, decideGpu, type GpuFacts } from '../../models/adapters/decideDevice.js'
import { findGpus } from '../../models/device.js'
import { type Terminal, writeLine } from '../terminal.js'

/** `rxargs inspect --devices` lists the devices for models, what `--device` would take, and why. */
export async function inspectDevices(
  { json = false }: Readonly<{ json?: boolean }>,
  { stdout, signal }: Pick<Terminal, 'stdout' | 'signal'>,
): Promise<void> {
  const facts = await findGpus(true)
  const cpu = { name: cpus()[0]?.model.trim() || 'an unnamed CPU', cores: availableParallelism(), memory_bytes: totalmem() }
  const auto = decideDevice('fp32', facts)
  const webgpu = webgpuOf(facts)
  if (json) {
    const adapters = facts.adapters?.map(asJson) ?? null
    const notice = facts.adapters ? {} : { adapters_unknown: facts.unknown }
    const chosen = { device: auto.device, reason: auto.why }
    return writeLine(stdout, JSON.stringify({ cpu, adapters, ...notice, webgpu, auto: chosen }, null, 1), signal)
  }
  const lines = [
    ['cpu', `${cpu.name}, ${cpu.cores} cores, ${gib(cpu.memory_bytes)}`],
    ...(facts.adapters ? facts.adapters.map(describe) : [`names, memory and limits: ${facts.unknown}`]).map((text) => [
      'adapter',
      text,
    ]),
    [
      'webgpu',
      webgpu.usable ? `takes ${webgpu.adapter ?? 'a GPU'}: ${webgpu.dtypes.join(', ')}` : `cannot be used: ${webgpu.problem}`,
    ],
    ['auto', auto.why],
  ]
  for (const [name, value] of lines) await writeLine(stdout, `${name!.padEnd(9)}${value}`, signal)
}

function webgpuOf(facts: GpuFacts) {
  const decision = decideGpu('fp32', facts)
  if ('problem' in decision) return { usable: false as const, problem: decision.problem }
  const float16 = facts.runtime?.usable === true && facts.runtime.float16
  const dtypes = ['fp32', ...(float16 ? ['fp16'] : []), 'q8', 'q4']
  return { usable: true as const, float16, adapter: facts.adapters?.[0]?.name, dtypes }
}

function describe({ name, backend, details, memory }: GpuAdapter): string {
  if (!details) return `${name}; ${backend}`
  const { driver, software, float16, subgroups, maxBuffer, maxBinding } = details
  const free = memory?.free === undefined ? '' : `, ${gib(memory.free)} free`
  return [
    name,
    [backend, driver].filter((text) => text !== '').join(', '),
    ...(software ? ['a renderer in software'] : []),
    memory ? `${gib(memory.bytes)} of memory${memory.shared ? ' shared with the system' : free}` : 'memory not known',
    `buffers up to ${gib(maxBuffer)}, ${gib(maxBinding)} of one in a binding`,
    `${float16 ? '' : 'no '}16-bit numbers`,
    `${subgroups ? '' : 'no '}subgroups`,
  ].join('; ')
}

const asJson = ({ name, backend, details, memory }: GpuAdapter) => ({
  name,
  backend,
  ...(details && {
    ...{ vendor: details.vendor, driver: details.driver, software: details.software },
    ...{ float16: details.float16, subgroups: details.subgroups },
    ...{ max_buffer_bytes: details.maxBuffer, max_binding_bytes: details.maxBinding },
  }),
  memory_bytes: memory?.bytes ?? null,
  ...(memory?.free !== undefined && { free_bytes: memory.free }),
  ...(memory?.shared && { memory_shared: true }),
})
