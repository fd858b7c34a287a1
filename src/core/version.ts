/** The package's version, as it is written into every output file. */
export const version = '0.1.0'
