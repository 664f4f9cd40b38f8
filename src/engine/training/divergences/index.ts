// Knows: the list of divergences.
import type { Divergence } from './divergence.ts'
import { forwardKl } from './forward-kl.ts'
import { jensenShannon } from './jensen-shannon.ts'
import { reverseKl } from './reverse-kl.ts'

export type { Divergence } from './divergence.ts'

const MEMBERS = [forwardKl, reverseKl, jensenShannon] as const
export type DivergenceName = (typeof MEMBERS)[number]['name']

/** By their names. */
export const DIVERGENCES = Object.fromEntries(MEMBERS.map((member) => [member.name, member])) as Readonly<
  Record<DivergenceName, Divergence>
> // `fromEntries` loses the names
