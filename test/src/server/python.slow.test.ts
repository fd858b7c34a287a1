import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { type Served, serve } from './served.js'

/** The virtual environment with OpenAI's client and schemathesis; without Python, or packages for it, there is none. */
function environment(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rxargs-python-'))
  const packages = ['openai==3.57.0', 'schemathesis==4.32.5']
  try {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore', timeout: 120_000 })
    execFileSync(join(folder, 'bin/pip'), ['install', '--quiet', ...packages], { stdio: 'ignore', timeout: 240_000 })
    return folder
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return undefined
  }
}

const python = environment()
const run = (program: string, args: readonly string[]) =>
  promisify(execFile)(join(python!, 'bin', program), args, { cwd: python, maxBuffer: 1e8, timeout: 300_000 }).catch(
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ stdout: `${stdout}\n${stderr}`, stderr: 'failed' }),
  )

const WITHOUT = 'no Python 3 with venv, or no package index (Debian: apt-get install python3-venv)'

describe.skipIf(python === undefined)(`a server and clients in Python${python === undefined ? ` (${WITHOUT})` : ''}`, () => {
  let served: Served
  beforeAll(async () => {
    served = await serve(fakeModels(fakeLm({ endLogit: 0.5 }), [fakeRm()]))
  })
  afterAll(async () => {
    await served.close()
    rmSync(python!, { recursive: true, force: true })
  })

  it("OpenAI's client reads chats, streams and errors", { timeout: 300_000 }, async () => {
    const { stdout } = await run('python', [
      '-c',
      `
import openai
client = openai.OpenAI(base_url="${served.url}/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
whole = client.chat.completions.create(model="tiny", messages=messages, logprobs=True, top_logprobs=2, extra_body={"rxargs": {"k": 5}})
text = ""
for chunk in client.chat.completions.create(model="tiny", messages=messages, stream=True, extra_body={"rxargs": {"k": 5}}):
    text += chunk.choices[0].delta.content or ""
assert whole.choices[0].message.content == text and text, (whole, text)
assert whole.choices[0].rxargs["rewards"], whole
assert client.models.list().data[0].id == "tiny"
assert client.completions.create(model="tiny", prompt=[65, 66], max_tokens=2).usage.prompt_tokens == 2
try:
    client.chat.completions.create(model="tiny", messages=messages, temperature=-1)
except openai.BadRequestError as error:
    assert error.param == "temperature", error
print("fine")
`,
    ])
    expect(stdout).toBe('fine\n')
  })

  it('schemathesis finds no answer that the description does not tell of', { timeout: 300_000 }, async () => {
    const { stdout, stderr } = await run('schemathesis', [
      ...['run', `${served.url}/openapi.json`, '--max-examples', '30', '--phases', 'examples,coverage,fuzzing', '--workers', '1'],
      ...[
        '--generation-deterministic',
        '--checks',
        'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
      ],
    ])
    expect(stderr, stdout).not.toBe('failed')
  })
})
