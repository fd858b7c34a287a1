import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { namedDrivers, vulkanDrivers } from '../../../../src/models/adapters/vulkanDrivers.js'
import { tempFolder } from '../../../tempFolder.js'

describe.skipIf(process.platform === 'win32')('vulkanDrivers', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })
  const at = (name: string) => join(folder, name)
  beforeEach(async () => {
    for (const path of [
      'data/vulkan/icd.d/radeon.json',
      'home/.local/share/vulkan/icd.d/own.json',
      'apart/nvidia.json',
      'apart/readme',
    ]) {
      await mkdir(at(path.slice(0, path.lastIndexOf('/'))), { recursive: true })
      await writeFile(at(path), '{}')
    }
  })
  const here = () => ({ HOME: at('home'), XDG_DATA_DIRS: at('data'), XDG_CONFIG_DIRS: at('none') })

  it.each<[string, () => NodeJS.ProcessEnv, string[]]>([
    ['of the system and the user', here, ['own.json', 'radeon.json']],
    ['that are added', () => ({ ...here(), VK_ADD_DRIVER_FILES: at('apart') }), ['nvidia.json', 'own.json', 'radeon.json']],
    ['that are named, alone', () => ({ ...here(), VK_DRIVER_FILES: at('apart/nvidia.json') }), ['nvidia.json']],
    [
      'that are named the old way',
      () => ({ VK_ICD_FILENAMES: `${at('apart/nvidia.json')}:${at('missing.json')}` }),
      ['nvidia.json'],
    ],
    ['none, where the named one is missing', () => ({ ...here(), VK_DRIVER_FILES: at('missing.json') }), []],
    ['none, where the variable is empty', () => ({ ...here(), VK_DRIVER_FILES: '' }), []],
  ])('finds drivers %s', async (_, env, names) => {
    // This machine's own /etc may hold others.
    const system = await vulkanDrivers({ HOME: at('none'), XDG_DATA_DIRS: at('none'), XDG_CONFIG_DIRS: at('none') })
    const found = (await vulkanDrivers(env())).filter((name) => !system.includes(name))
    expect(found.toSorted()).toEqual(names)
  })
  it('tells which variable names them', () => {
    expect(namedDrivers({ VK_ICD_FILENAMES: 'old.json' })).toBe('VK_ICD_FILENAMES=old.json')
    expect(namedDrivers({ VK_ICD_FILENAMES: 'old.json', VK_DRIVER_FILES: '' })).toBe('VK_DRIVER_FILES=')
    expect(namedDrivers({})).toBeUndefined()
  })
})
