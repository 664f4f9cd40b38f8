// Knows: that the kernels are compiled before the page is built or served.
// Must not know: how (src/engine/kernels/build).
import type { Plugin } from 'vite'
import { writeModules } from '../../src/engine/kernels/build/modules.ts'

/** Writes the modules that sources import with `?url`. */
export const compiledKernels = (): Plugin => ({ name: 'retort:kernels', buildStart: writeModules })
