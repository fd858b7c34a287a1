/** RxJS as rxargs uses it, for operators of one's own where only rxargs is installed: `import { map } from 'rxargs/rxjs'`. */
export * from 'rxjs'
