import { OptionError } from '../core/errors.js'

/**
 * Imports packages that are an optional install.
 *
 * @throws OptionError that says what to install
 */
export async function optionalPackage<T>(load: () => Promise<T>, feature: string, packages: string): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const more = packages.includes(' ') ? 'more packages' : 'one more package'
    throw new OptionError(`\`${feature}\` needs ${more}: npm install ${packages}`)
  }
}
