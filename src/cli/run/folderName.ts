/** Names a run after its folder as the user wrote it, without a slash at the end. */
export const folderName = (path: string): string => path.replace(/(?<=.)[/\\]+$/, '')
