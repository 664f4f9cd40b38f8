// Knows: how TypeScript runs in Node here: through Vite, which is a dependency anyway. `npm run bench [part …]`.
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const { module } = await runnerImport(fileURLToPath(new URL('./bench.ts', import.meta.url)), {
  logLevel: 'error',
})
await module.runBench(process.argv.slice(2))
