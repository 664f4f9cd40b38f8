// Knows: the list of divergences.
import type { Divergence } from './divergence.ts'
import { forwardKl } from './forward-kl.ts'
import { jensenShannon } from './jensen-shannon.ts'
import { reverseKl } from './reverse-kl.ts'

export type { Divergence } from './divergence.ts'

export const DIVERGENCES = {
  'forward-kl': forwardKl,
  'reverse-kl': reverseKl,
  'jensen-shannon': jensenShannon,
} as const satisfies Readonly<Record<string, Divergence>>
export type DivergenceName = keyof typeof DIVERGENCES
