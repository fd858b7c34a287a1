/** Zod as rxargs uses it, for options of one's own where only rxargs is installed: `import * as z from 'rxargs/zod'`. */
export * from 'zod'
