/** A run is called as its folder was given, without a slash at the end. */
export const folderName = (path: string): string => path.replace(/(?<=.)[/\\]+$/, '')
