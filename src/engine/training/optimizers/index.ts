// Knows: the list of optimizers, and which rule each uses for a parameter.
import { CLASS_HEAD, type Parameter } from '../parameters.ts'
import { adamW } from './adam-w.ts'
import { muon } from './muon.ts'
import type { UpdateRule } from './optimizer.ts'

export { scalarsOf } from './adam-w.ts'
export * from './optimizer.ts'

/** Muon updates the hidden matrices; embeddings, heads and norms use AdamW, as its authors advise. */
export const OPTIMIZERS = {
  'adam-w': (): UpdateRule => adamW,
  muon: ({ name, shape }: Parameter): UpdateRule =>
    shape.length === 2 && name !== 'embedding' && name !== CLASS_HEAD ? muon : adamW,
} as const satisfies Readonly<Record<string, (parameter: Parameter) => UpdateRule>>
export type OptimizerName = keyof typeof OPTIMIZERS
