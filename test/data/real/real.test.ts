import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const script = new URL('../../../data/real/real.mjs', import.meta.url)
type Real = Readonly<{ missingPython: (python: string, code: string, needs: string) => string | undefined }>
const { missingPython } = (await import(script.href)) as Real

const real = (...args: readonly string[]) =>
  new Promise<Readonly<{ code: unknown; stdout: string; stderr: string }>>((resolve) => {
    execFile(process.execPath, [fileURLToPath(script), ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })

describe('npm run real', () => {
  it('says in one line that there is no Python', () =>
    expect(missingPython('no-python-here', 'import pip', 'pip')).toBe(
      'Expected Python at `no-python-here`, found none; --python names another',
    ))

  // Node stands for a Python whose code fails, and for one whose code runs.
  it('says in one line what a Python lacks', () => {
    expect(missingPython(process.execPath, '--check-nothing', 'pip')).toBe(`Expected ${process.execPath} to have pip`)
    expect(missingPython(process.execPath, '-p', 'pip')).toBeUndefined()
  })

  it('names the tables if one is unknown, and what it does', async () => {
    const { code, stderr } = await real('--only', 'reviews,nothing')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^real: Expected --only to name some of reviews, .*, got `nothing`\n$/)
    expect((await real('--help')).stdout).toMatch(/^Usage: npm run real/)
  })

  it('refuses an option that it does not have in one line', async () => {
    const { code, stderr } = await real('--fast')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^real: .*'--fast'.*\n$/)
  })
})
