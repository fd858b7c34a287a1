import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The software Vulkan driver of Debian's chromium. It is slow, but computes what a GPU computes. */
export const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json'

/** The reason why it cannot run here, if there is one. */
export const WITHOUT_GPU = !existsSync(softwareDriver)
  ? 'no SwiftShader in /usr/lib/chromium (Debian: apt-get install chromium)'
  : !hasVulkan()
    ? 'no Vulkan loader (Debian: apt-get install libvulkan1)'
    : undefined

/** Makes this process and its threads use it. Call it before the first model is loaded on a GPU. */
export function useSoftwareGpu(): void {
  process.env.VK_DRIVER_FILES = softwareDriver
  process.env.XDG_RUNTIME_DIR ??= '/tmp'
}

function hasVulkan(): boolean {
  try {
    return execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).includes('libvulkan.so.1')
  } catch {
    return false
  }
}
