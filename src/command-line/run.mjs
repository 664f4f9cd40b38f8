// Knows: how TypeScript is run in Node here: through Vite, which is installed anyway. `npm run box`.
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const { module } = await runnerImport(fileURLToPath(new URL('./make-box.ts', import.meta.url)), {
  logLevel: 'error',
})
await module.makeBox(process.argv.slice(2))
