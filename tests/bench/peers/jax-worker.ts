// Knows: that jax-js trains in this worker.
import { serveTrainee } from './trainee.ts'

// Its threads are counted when it is loaded: the worker says two before that.
serveTrainee(async (lesson) => (await import('./jax-model.mjs')).openJax(lesson))
