/**
 * The key of a server, from the environment alone: of the model of that name (`VARIABLE_NAME`, upper case, `_` for what is no letter
 * or digit), else that of all.
 */
export function remoteKey(
  variable: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = environment[`${variable}_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`]
  return own || environment[variable] || undefined
}
