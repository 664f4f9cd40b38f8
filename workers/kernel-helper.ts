// Knows: a thread that helps the teacher's worker to compute with the kernels. A thin shell: src/engine/kernels/team.ts does the work.
import { help, readHelperStart } from '../src/engine/kernels/team.ts'

globalThis.addEventListener('message', ({ data }: MessageEvent<unknown>) => void help(readHelperStart(data)))
// The first sign of life: a thread that does not send one is created again (watch-starts.ts).
postMessage('started')
