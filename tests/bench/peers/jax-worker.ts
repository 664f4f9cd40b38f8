// Knows: that jax-js trains in this worker.
import { serveTrainee } from './trainee.ts'

// It reads the number of threads when it is loaded: the worker sets two before that.
serveTrainee(async (job) => (await import('./jax-model.mjs')).openJax(job))
