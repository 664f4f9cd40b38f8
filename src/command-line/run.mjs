// Knows: how TypeScript runs in Node here: through Vite, which is a dependency anyway. `npm run built-in-teacher`.
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const { module } = await runnerImport(fileURLToPath(new URL('./make-built-in-teacher.ts', import.meta.url)), {
  logLevel: 'error',
})
await module.makeBuiltInTeacher()
